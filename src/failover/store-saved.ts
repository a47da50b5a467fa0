/** What is said about a copy of the store that was made, or not, ahead of a change of its members. Pure. */
import type { NewEvent } from '../model/events.ts';
import type { NodeName } from '../model/names.ts';

export function storeSaved(
  node: NodeName,
  copy: { readonly path: string; readonly bytes: number },
  ahead: string,
): NewEvent {
  return {
    ...{ kind: 'store-saved', critical: false, node, vm: null },
    text: `The cluster's database was saved to ${copy.path} on ${node} (${copy.bytes} bytes).`,
    reason: `Its members are about to change: ${ahead}.`,
  };
}

/** The change goes on all the same: a dead member, or too few, is the greater danger. */
export function storeNotSaved(node: NodeName, error: unknown, ahead: string): NewEvent {
  return {
    ...{ kind: 'store-not-saved', critical: true, node, vm: null },
    text: `The cluster's database could not be saved on ${node}; its members change all the same: ${ahead}.`,
    reason: error instanceof Error ? error.message : String(error),
  };
}
