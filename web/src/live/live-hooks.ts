import { createContext, useContext, useMemo, useSyncExternalStore } from 'react';
import type { ClusterView, NodeView } from '../../../src/contract/cluster.ts';
import type { MigrationView } from '../../../src/contract/migrations.ts';
import type { VmView } from '../../../src/contract/vms.ts';
import { type LiveState, LiveStore } from './live-store.ts';
import { vmsByName } from './vms-by-name.ts';

export const LiveContext = createContext<LiveStore>(new LiveStore());

/** A part of the live state; `select` must return the same object as long as nothing in it has changed. */
export function useLive<T>(select: (state: LiveState) => T): T {
  const store = useContext(LiveContext);
  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}

/** By name. */
export function useVms(): readonly VmView[] {
  return vmsByName(useLive((state) => state.vms));
}

export function useVm(name: string): VmView | undefined {
  return useLive((state) => state.vms.get(name));
}

/** By name, witnesses among them. */
export function useNodes(): readonly NodeView[] {
  const nodes = useLive((state) => state.nodes);
  return useMemo(
    () => [...nodes.values()].sort((left, right) => left.name.localeCompare(right.name, undefined, { numeric: true })),
    [nodes],
  );
}

export function useNode(name: string): NodeView | undefined {
  return useLive((state) => state.nodes.get(name));
}

/** The newest first. */
export function useMigrations(): readonly MigrationView[] {
  const migrations = useLive((state) => state.migrations);
  return useMemo(() => {
    const startedAt = (view: MigrationView) => (view.state === 'open' ? view.progress : view.receipt).startedAt;
    return [...migrations.values()].sort((left, right) => startedAt(right).localeCompare(startedAt(left)));
  }, [migrations]);
}

export function useMigration(id: string): MigrationView | undefined {
  return useLive((state) => state.migrations.get(id));
}

export function useCluster(): ClusterView | null {
  return useLive((state) => state.cluster);
}

/** Whether what is shown is current: false greys the page. */
export function useCurrent(): boolean {
  return useLive((state) => state.connection === 'live' && state.fresh);
}

/** CPU use in percent of one CPU; undefined: not known. */
export function useVmCpu(name: string): number | undefined {
  return useLive((state) => state.vmCpu.get(name));
}
