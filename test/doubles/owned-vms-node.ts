import { testCluster, type TestVm } from './failover-cluster.ts';
import { type Done, saidEvents, silentLog, TestAuthority, TestInstance, TestSlices } from './failover-node.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryStore } from './memory-store.ts';
import { keys } from '../../src/model/keys.ts';
import { GIBIBYTE } from '../../src/model/units.ts';
import type { VmRecord, VmStatus } from '../../src/model/vm.ts';
import type { Instance, StartOptions } from '../../src/ports/hypervisor.ts';
import type { SavedMemoryFiles } from '../../src/ports/saved-memory.ts';
import type { AgentPorts } from '../../src/agent/agent-ports.ts';
import { watchCluster } from '../../src/agent/cluster-view.ts';
import { createInstanceRegistry } from '../../src/agent/instance-registry.ts';
import { OwnedVms } from '../../src/agent/owned-vms.ts';

/** node1 with these VMs in the store; its QEMU processes start at once unless `startMs` says otherwise. */
export async function node1(vms: readonly TestVm[], { startMs = 0 } = {}) {
  const done: Done = [];
  const clock = new ManualClock({ sleeps: true });
  const store = new MemoryStore();
  const names = ['node1', 'node2', 'node3'];
  const cluster = testCluster(
    names.map((name) => ({ name, memoryBytes: 16 * GIBIBYTE })),
    vms,
  );
  for (const [name, node] of cluster.nodes) {
    store.put({ [keys.nodeFacts(name)]: node.facts.value, [keys.nodeHeartbeat(name)]: node.heartbeat?.value });
    store.put({ [keys.nodeMembership(name)]: node.membership?.value });
    store.put({ [keys.nodeMemory(name)]: cluster.memory.get(name)?.value });
  }
  for (const [vm, entry] of cluster.vms) {
    store.put({ [keys.vmRecord(vm)]: entry.record.value, [keys.vmOwner(vm)]: entry.owner?.value });
    store.put({ [keys.vmStatus(vm)]: entry.status?.value });
  }
  const view = watchCluster(store, clock);
  await view.ready();
  const [authority, slices, instances, events] = [
    new TestAuthority(),
    new TestSlices(done),
    createInstanceRegistry(),
    saidEvents(),
  ];
  const suspendedVms = new Set<string>();
  const under = { way: 0, most: 0 };
  /** Nothing can be read from it. */
  const hangs = { volume: false };
  const started: TestInstance[] = [];
  const hypervisor = {
    async start({ definition, highlyAvailable, savedMemory }: StartOptions): Promise<Instance> {
      const from = savedMemory === undefined ? '' : ` from ${savedMemory.path}`;
      done.push(`${definition.name} starts${highlyAvailable ? '' : ' unguarded'}${from}`);
      under.way += 1;
      under.most = Math.max(under.most, under.way);
      if (startMs > 0) await clock.sleep(startMs);
      if (savedMemory !== undefined && hangs.volume) throw await savedMemory.givenUp;
      under.way -= 1;
      const pid = 100 + started.length;
      const state = savedMemory === undefined ? 'prelaunch' : 'paused';
      const instance = new TestInstance(definition.name, done, { state, pid });
      started.push(instance);
      return instance.asInstance;
    },
  };
  const savedMemory: SavedMemoryFiles = {
    place: async ({ name }, { request }) => `/volume/${name}-${request}`,
    list: async ({ name }) => [`/volume/${name}-left-over`],
    remove: async ({ path }) => void done.push(`${path} is removed`),
  };
  const owned = new OwnedVms({
    ...{ config: { node: 'node1' }, store, view, instances, slices, events, authority, clock, log: silentLog },
    ...{ hypervisor, savedMemory, bootId: 'b', suspended: { isSuspended: (vm: string) => suspendedVms.has(vm) } },
  } as unknown as AgentPorts);
  view.subscribe(() => owned.lookAtAll());
  clock.every(1000, () => owned.lookAtAll());
  const status = (vm: string) => store.value<VmStatus>(keys.vmStatus(vm));
  return {
    ...{ done, hangs, clock, store, authority, slices, instances, events, suspendedVms, under, started, owned, status },
    add(instance: TestInstance) {
      instances.add(instance.asInstance);
      return instance;
    },
    change(vm: string, change: Partial<VmRecord>) {
      store.put({ [keys.vmRecord(vm)]: { ...store.value<VmRecord>(keys.vmRecord(vm)), ...change } });
    },
  };
}
