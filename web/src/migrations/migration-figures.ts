/** What the pages say of a migration, open or ended, out of its view. Pure. */
import type { MigrationView } from '../../../src/contract/migrations.ts';

export type Receipt = Extract<MigrationView, { state: 'ended' }>['receipt'];
export type Progress = Extract<MigrationView, { state: 'open' }>['progress'];
export type Phase = Receipt['endedIn'];
export type Round = Receipt['rounds'][number];

export const PHASES = [
  'pre-migration',
  'reservation',
  'iterative-pre-copy',
  'stop-and-copy',
  'commitment-and-activation',
] as const satisfies readonly Phase[];

export type PhaseState = 'ahead' | 'now' | 'done' | 'ended' | 'skipped';

export interface PhaseStep {
  readonly phase: Phase;
  readonly state: PhaseState;
  /** null where it has not begun. */
  readonly durationMs: number | null;
}

export function subject(view: MigrationView): Progress | Receipt {
  return view.state === 'open' ? view.progress : view.receipt;
}

/** The five phases, always all of them. */
export function phaseSteps(view: MigrationView): PhaseStep[] {
  const { phases } = subject(view);
  const last = view.state === 'open' ? view.progress.phase : view.receipt.endedIn;
  const reached = PHASES.indexOf(last);
  return PHASES.map((phase, index) => ({
    phase,
    state: stateOf(view, index, reached),
    durationMs: phases.find(({ name }) => name === phase)?.durationMs ?? null,
  }));
}

function stateOf(view: MigrationView, index: number, reached: number): PhaseState {
  if (index < reached) return 'done';
  if (view.state === 'open') return index === reached ? 'now' : 'ahead';
  if (view.receipt.outcome === 'completed') return 'done';
  return index === reached ? 'ended' : 'skipped';
}

/** 0 to 1; null while nothing can be said. As the progress bar on a terminal. */
export function doneRatio({ phase, transferredBytes, remainingBytes, memoryBytes }: Progress): number | null {
  const number = PHASES.indexOf(phase) + 1;
  if (number > 3) return 0.99;
  if (number < 3 || transferredBytes === 0 || memoryBytes <= 0) return null;
  return Math.min(0.99, Math.max(0, 1 - remainingBytes / memoryBytes));
}

/** What an open one waits for; null: it does not wait. */
export function waitsFor({ phase, decisions }: Progress): string | null {
  const last = decisions.at(-1);
  return phase === 'pre-migration' && last?.what === 'wait' ? last.why : null;
}

/** Up to the commit point, which the fifth phase begins with. */
export function canBeCancelled({ phase }: Progress): boolean {
  return phase !== 'commitment-and-activation';
}

export type BudgetVerdict = 'kept' | 'widened' | 'exceeded';

/** null: the guest never stood still, or nobody knows for how long. */
export function budgetVerdict({ blackoutMs, budgetMs, budgetUsedMs }: Receipt): BudgetVerdict | null {
  if (blackoutMs === null) return null;
  if (blackoutMs <= budgetMs) return 'kept';
  return blackoutMs <= budgetUsedMs ? 'widened' : 'exceeded';
}

/** Bytes per second over the whole pre-copy; null without one. */
export function averageRate({ transferredBytes, phases }: Receipt): number | null {
  const copyMs = phases
    .filter(({ name }) => name === 'iterative-pre-copy' || name === 'stop-and-copy')
    .reduce((sum, { durationMs }) => sum + durationMs, 0);
  return transferredBytes === null || copyMs <= 0 || transferredBytes === 0 ? null : (transferredBytes / copyMs) * 1000;
}
