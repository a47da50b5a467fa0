import type { TFunction } from 'i18next';
import type { VmView } from '../../../src/contract/vms.ts';

export type VmActionId =
  | 'connect'
  | 'start'
  | 'shut-down'
  | 'turn-off'
  | 'pause'
  | 'resume'
  | 'reset'
  | 'live-migrate'
  | 'cancel-migration'
  | 'settings'
  | 'add-storage'
  | 'critical-events'
  | 'automatic-start-on'
  | 'automatic-start-off'
  | 'dependency-report'
  | 'delete'
  | 'properties'
  | 'help';

type State = VmView['state'];

/** In which states an action makes sense; the cluster itself decides once more. */
const STATES: Partial<Record<VmActionId, readonly State[]>> = {
  connect: ['starting', 'running', 'paused', 'migrating'],
  start: ['off', 'failed'],
  'shut-down': ['running'],
  'turn-off': ['starting', 'running', 'paused', 'failed'],
  pause: ['running'],
  resume: ['paused'],
  reset: ['running'],
  'live-migrate': ['running'],
  'cancel-migration': ['migrating'],
  delete: ['off', 'failed'],
};

/** Why the action cannot be done to these VMs now; null if it can be done to all of them. */
export function obstacleTo(id: VmActionId, vms: readonly VmView[], t: TFunction<'actions'>): string | null {
  const allowed = STATES[id];
  const wrong = allowed === undefined ? undefined : vms.find(({ state }) => !allowed.includes(state));
  if (wrong === undefined) return null;
  return t(`obstacles.${wrong.state}`, { name: wrong.name });
}
