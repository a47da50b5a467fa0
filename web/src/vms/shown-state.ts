import type { VmView } from '../../../src/contract/vms.ts';

export type ShownState = VmView['state'] | 'saving';

/**
 * The state as the console shows it. Until a guest's memory is written its status says nothing of it, and that may take long: meanwhile the
 * guest stands still, and who sees "running" would wonder why it does not answer.
 */
export function shownState(vm: Pick<VmView, 'state' | 'request' | 'settledRequest'>): ShownState {
  const { state, request, settledRequest } = vm;
  const isAsked = request?.action === 'save' && request.id !== settledRequest;
  return isAsked && (state === 'running' || state === 'paused') ? 'saving' : state;
}
