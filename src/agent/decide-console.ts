import { CONSOLE_CLOSE, type ConsoleKind } from '../model/console.ts';
import type { VmEntry } from '../model/cluster-state.ts';
import type { InstanceId, NodeName, VmName } from '../model/names.ts';

export type ConsolePlace =
  /** Its agent has it; `instance` as far as it is known. */
  | { readonly kind: 'at'; readonly node: NodeName; readonly instance: InstanceId | null }
  /** It is about to run somewhere. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'end'; readonly code: number; readonly reason: string };

/** Where the console of a VM is to be had. */
export function decideConsole(vm: VmName, kind: ConsoleKind, entry: VmEntry | undefined): ConsolePlace {
  if (entry?.record == null) {
    return { kind: 'end', code: CONSOLE_CLOSE.notFound, reason: `There is no VM called "${vm}".` };
  }
  const { definition, desired, request } = entry.record.value;
  if (kind === 'vnc' && definition.graphics === undefined) {
    return {
      kind: 'end',
      code: CONSOLE_CLOSE.noGraphics,
      reason: `${vm} has no graphics card; use the serial console.`,
    };
  }
  const status = entry.status?.value;
  const owner = entry.owner?.value.node;
  if (status === undefined || owner === undefined) return { kind: 'wait' };
  const { instance, node, state } = status;
  const runs = state === 'running' || state === 'paused' || state === 'starting';
  if (runs && entry.intent !== null) return { kind: 'at', node: owner, instance };
  if (runs && instance !== null && node === owner) return { kind: 'at', node: owner, instance };
  const startsSoon = request?.action === 'start' && request.id !== status.settledRequest;
  if (runs || startsSoon || desired === 'running') return { kind: 'wait' };
  return { kind: 'end', code: CONSOLE_CLOSE.off, reason: `${vm} is ${state}.` };
}
