import type { TFunction } from 'i18next';
import type { VmView } from '../../../src/contract/vms.ts';
import { type ShownState, shownState } from './shown-state.ts';

export type VmActionId =
  | 'connect'
  | 'start'
  | 'shut-down'
  | 'turn-off'
  | 'save'
  | 'pause'
  | 'resume'
  | 'reset'
  | 'delete-saved-state'
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

/** In which states an action makes sense; the cluster itself decides once more. */
const STATES: Partial<Record<VmActionId, readonly ShownState[]>> = {
  connect: ['starting', 'running', 'paused', 'saving', 'migrating'],
  start: ['off', 'saved', 'failed'],
  'shut-down': ['running'],
  'turn-off': ['starting', 'running', 'paused', 'saving', 'failed'],
  save: ['running', 'paused'],
  pause: ['running'],
  resume: ['paused'],
  reset: ['running'],
  'delete-saved-state': ['saved', 'failed'],
  'live-migrate': ['running'],
  'cancel-migration': ['migrating'],
  delete: ['off', 'saved', 'failed'],
};

/** Why the action cannot be done to these VMs now; null if it can be done to all of them. */
export function obstacleTo(id: VmActionId, vms: readonly VmView[], t: TFunction<'actions'>): string | null {
  const allowed = STATES[id];
  if (allowed === undefined) return null;
  const wrong = vms.find((vm) => !allowed.includes(shownState(vm)));
  if (wrong !== undefined) return t(`obstacles.${shownState(wrong)}`, { name: wrong.name });
  const homeless = id === 'save' ? vms.find(({ disks }) => disks.length === 0) : undefined;
  return homeless === undefined ? null : t('obstacles.noDisk', { name: homeless.name });
}
