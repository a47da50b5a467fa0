import type { MigrationView } from '../../../src/contract/migrations.ts';
import type { Tone } from '../ui/tones.ts';
import { type Receipt, waitsFor } from './migration-figures.ts';

export const OUTCOME_TONES = {
  completed: 'good',
  cancelled: 'idle',
  failed: 'bad',
} as const satisfies Record<Receipt['outcome'], Tone>;

export function migrationTone(view: MigrationView): {
  readonly tone: Tone;
  readonly state: 'running' | 'waiting' | Receipt['outcome'];
} {
  if (view.state === 'ended') return { tone: OUTCOME_TONES[view.receipt.outcome], state: view.receipt.outcome };
  return waitsFor(view.progress) === null ? { tone: 'busy', state: 'running' } : { tone: 'paused', state: 'waiting' };
}
