import { beforeEach, describe, expect, test } from 'vitest';
import type { NodeView } from '../../../src/contract/cluster.ts';
import type { LiveMessage } from '../../../src/contract/live.ts';
import type { NodeLoad } from '../../../src/contract/load.ts';
import type { VmView } from '../../../src/contract/vms.ts';
import { LiveStore } from './live-store.ts';
import { vmsByName } from './vms-by-name.ts';

// The store looks at names only; the rest of a view is the page's business.
const vm = (name: string, state: VmView['state'] = 'running') => ({ name, state }) as VmView;
const vmsOf = (count: number) => Array.from({ length: count }, (_, index) => vm(`vm${String(index).padStart(4, '0')}`));

function load(node: string, more: { readonly at?: readonly string[]; readonly vms?: Record<string, number> } = {}) {
  return {
    node,
    samples: (more.at ?? []).map((at) => ({ at })),
    vms: Object.entries(more.vms ?? {}).map(([name, cpuPercent]) => ({ name, cpuPercent })),
  } as unknown as NodeLoad;
}

type Snapshot = Extract<LiveMessage, { type: 'snapshot' }>;

function snapshot(more: Partial<Snapshot> = {}): Snapshot {
  return {
    ...{ type: 'snapshot', part: 1, parts: 1, node: 'node1', vms: [], nodes: [], migrations: [], cluster: null },
    ...{ loads: [], fresh: true },
    ...more,
  } as Snapshot;
}

describe('a live store', () => {
  let store: LiveStore;
  beforeEach(() => {
    store = new LiveStore();
  });
  const names = () => [...store.get().vms.keys()];

  test('shows a snapshot of several parts as a whole', () => {
    store.apply([snapshot({ parts: 2, vms: [vm('a')], nodes: [{ name: 'node1' } as NodeView] })]);
    expect(store.get()).toMatchObject({ connection: 'connecting', filled: false });
    expect(names()).toEqual([]);
    store.apply([snapshot({ part: 2, parts: 2, vms: [vm('b')] })]);
    expect(store.get()).toMatchObject({ connection: 'live', filled: true, fresh: true, servedBy: 'node1' });
    expect(names()).toEqual(['a', 'b']);
    expect([...store.get().nodes.keys()]).toEqual(['node1']);
  });

  test('keeps what it had while the next snapshot is on its way, and forgets what is not in it', () => {
    store.apply([snapshot({ vms: [vm('a'), vm('gone')], loads: [load('node1', { vms: { gone: 3 } })] })]);
    store.lost('the node fell silent');
    store.apply([snapshot({ parts: 2, node: 'node2', vms: [vm('a', 'off')] })]);
    expect(store.get()).toMatchObject({ connection: 'lost', lostBecause: 'the node fell silent', servedBy: 'node1' });
    expect(names()).toEqual(['a', 'gone']);
    store.apply([snapshot({ part: 2, parts: 2, node: 'node2', vms: [vm('b')] })]);
    expect(store.get()).toMatchObject({ connection: 'live', lostBecause: null, servedBy: 'node2' });
    expect(names()).toEqual(['a', 'b']);
    expect(store.get().vms.get('a')?.state).toBe('off');
    expect(store.get().vmCpu.size).toBe(0);
  });

  test('never mixes a snapshot that broke off with the one of another node', () => {
    store.apply([snapshot({ vms: [vm('before')] })]);
    store.lost('closed');
    store.apply([snapshot({ parts: 3, vms: [vm('half')] })]);
    store.lost('closed again');
    store.apply([snapshot({ part: 2, parts: 3, vms: [vm('rest')] })]);
    expect(names()).toEqual(['before']);
    store.apply([snapshot({ vms: [vm('whole')] })]);
    expect(names()).toEqual(['whole']);
  });

  test('counts as not current while the database of the cluster is silent', () => {
    store.apply([snapshot({ fresh: false })]);
    expect(store.get()).toMatchObject({ connection: 'live', fresh: false });
    store.apply([{ type: 'freshness', fresh: true }]);
    expect(store.get().fresh).toBe(true);
  });

  test('adds new samples of a node to the known ones, each once', () => {
    store.apply([snapshot({ loads: [load('node1', { at: ['10:00'], vms: { a: 1, b: 2 } })] })]);
    store.apply([{ type: 'load', load: load('node1', { at: ['10:00', '10:01'], vms: { a: 7 } }) }]);
    const ats = store
      .get()
      .loads.get('node1')
      ?.samples.map(({ at }) => at);
    expect(ats).toEqual(['10:00', '10:01']);
    expect(Object.fromEntries(store.get().vmCpu)).toEqual({ a: 7, b: 2 });
  });

  test('tells once of several messages, and not at all of none', () => {
    let told = 0;
    store.subscribe(() => {
      told += 1;
    });
    store.apply([
      { type: 'vm', vm: vm('a') },
      { type: 'vm', vm: vm('b') },
      { type: 'vm-deleted', name: 'a' },
    ]);
    store.apply([]);
    expect(told).toBe(1);
    expect(names()).toEqual(['b']);
  });

  test('changes one of 8,000 VMs and leaves every other object as it is, in the same order', () => {
    store.apply([
      snapshot({ parts: 2, vms: vmsOf(8000).slice(4000) }),
      snapshot({ part: 2, parts: 2, vms: vmsOf(8000).slice(0, 4000) }),
    ]);
    const before = store.get();
    const sorted = vmsByName(before.vms);
    expect(sorted.map(({ name }) => name)).toEqual(vmsOf(8000).map(({ name }) => name));
    const changed = vm('vm4711', 'paused');
    store.apply([{ type: 'vm', vm: changed }]);
    const after = store.get();
    for (const key of ['nodes', 'loads', 'vmCpu', 'migrations', 'events', 'cluster'] as const) {
      expect(after[key], key).toBe(before[key]);
    }
    const now = vmsByName(after.vms);
    expect(now.filter((view, index) => view !== sorted[index])).toEqual([changed]);
    expect(now[4711]).toBe(changed);
    expect(vmsByName(after.vms)).toBe(now);
  });

  test('sorts anew when a VM comes or goes', () => {
    store.apply([snapshot({ vms: [vm('vm10'), vm('vm2')] })]);
    expect(vmsByName(store.get().vms).map(({ name }) => name)).toEqual(['vm2', 'vm10']);
    store.apply([
      { type: 'vm', vm: vm('vm3') },
      { type: 'vm-deleted', name: 'vm10' },
    ]);
    expect(vmsByName(store.get().vms).map(({ name }) => name)).toEqual(['vm2', 'vm3']);
  });
});
