import type { Revision } from '../../model/names.ts';
import type { StoreEntry } from '../../ports/store.ts';
import { decodeEntry, isOlder } from './etcd-messages.ts';
import { Event_EventType } from './generated/kv.ts';
import type { WatchResponse } from './generated/rpc.ts';

/** What one message of the watch means. */
export type WatchStep =
  | { readonly kind: 'changes'; readonly entries: readonly StoreEntry[]; readonly revision: Revision }
  /** A sign of life, or a part of a larger message. */
  | { readonly kind: 'alive' }
  /** The member cannot go on from here; another one can. */
  | { readonly kind: 'move'; readonly reason: string }
  /** Continuity is lost: read the whole prefix again. */
  | { readonly kind: 'snapshot'; readonly reason: string };

/**
 * Follows one stream from the revision after `lastRevision` and says which of its messages may be believed.
 *
 * Only events move the revision forward. The revision in a progress message does not, nor the one in the header of
 * a message with events: before 3.4.25 etcd sends them while older events are still waiting (etcd#15220). And a watch
 * of such an etcd may go back in time (etcd#15271), which shows as a revision that is not newer than the last.
 */
export interface WatchProgress {
  readonly lastRevision: () => Revision;
  accept(message: WatchResponse): WatchStep;
}

export function followWatch(startRevision: Revision): WatchProgress {
  let lastRevision = startRevision;
  let parts: StoreEntry[] = [];
  return {
    lastRevision: () => lastRevision,
    accept(message) {
      if (message.compactRevision !== '0') return { kind: 'snapshot', reason: 'the revisions were compacted' };
      if (message.canceled) return { kind: 'move', reason: message.cancelReason || 'the member ended the watch' };
      if (message.events.length === 0) return { kind: 'alive' };
      parts.push(...message.events.flatMap(decodeEvent));
      if (message.fragment) return { kind: 'alive' };
      const entries = parts;
      parts = [];
      let newest = lastRevision;
      for (const { modRevision } of entries) {
        // Several keys of one transaction share a revision, but it is never the last message's.
        const goesBack = isOlder(modRevision, newest) || modRevision === lastRevision;
        if (goesBack) return { kind: 'snapshot', reason: `the watch went back to revision ${modRevision}` };
        newest = modRevision;
      }
      lastRevision = newest;
      return { kind: 'changes', entries, revision: newest };
    },
  };
}

function decodeEvent({ type, kv }: WatchResponse['events'][number]): StoreEntry[] {
  if (kv === undefined) return [];
  if (type !== Event_EventType.DELETE) return [decodeEntry(kv)];
  return [{ key: kv.key.toString(), value: undefined, modRevision: kv.modRevision }];
}
