import { applyEntries, type ClusterReader, type ClusterState, EMPTY_CLUSTER_STATE } from '../model/cluster-state.ts';
import { STORE_PREFIX } from '../model/keys.ts';
import type { Clock } from '../ports/clock.ts';
import type { ClusterStore } from '../ports/store.ts';

/** This agent's copy of the cluster's state, kept current by one watch. For showing and for noticing; safety decisions compare revisions. */
export interface ClusterView extends ClusterReader {
  /** Resolves with the first complete state. */
  ready(): Promise<void>;
  close(): void;
}

export function watchCluster(store: ClusterStore, clock: Clock): ClusterView {
  let state: ClusterState = EMPTY_CLUSTER_STATE;
  let silent = true;
  const listeners = new Set<(state: ClusterState) => void>();
  const { promise: firstSnapshot, resolve: haveSnapshot } = Promise.withResolvers<void>();
  /** One that throws does not keep the state from the others. */
  const publish = () => {
    const errors: unknown[] = [];
    for (const listener of listeners) {
      try {
        listener(state);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'What follows the state of the cluster has failed.');
  };
  const watch = store.watch(STORE_PREFIX, {
    snapshot(entries, revision) {
      const nowMs = clock.monotonicMs();
      state = keepHeartbeatTimes(state, applyEntries(EMPTY_CLUSTER_STATE, { entries, revision, nowMs }));
      silent = false;
      haveSnapshot();
      publish();
    },
    changes(entries, revision) {
      state = applyEntries(state, { entries, revision, nowMs: clock.monotonicMs() });
      publish();
    },
    silence(isSilent) {
      silent = isSilent;
      publish();
    },
  });
  return {
    current: () => state,
    now: () => ({ monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() }),
    fresh: () => !silent,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ready: () => firstSnapshot,
    close: () => watch.close(),
  };
}

/** A snapshot repeats heartbeats that were seen before; only a changed one is a sign of life. */
function keepHeartbeatTimes(before: ClusterState, after: ClusterState): ClusterState {
  const nodes = new Map(after.nodes);
  for (const [name, entry] of nodes) {
    const known = before.nodes.get(name);
    if (known?.heartbeat == null || entry.heartbeat === null) continue;
    if (known.heartbeat.modRevision !== entry.heartbeat.modRevision) continue;
    nodes.set(name, { ...entry, heartbeatSeenAtMs: known.heartbeatSeenAtMs });
  }
  return { ...after, nodes };
}
