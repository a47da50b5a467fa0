import { watchCluster } from '../../src/agent/cluster-view.ts';
import { createInstanceRegistry } from '../../src/agent/instance-registry.ts';
import { SuspendedVms } from '../../src/agent/suspended-vms.ts';
import {
  type Done,
  saidEvents,
  silentLog,
  TestAuthority,
  TestGuard,
  TestInstance,
  TestSlices,
} from './failover-node.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryStore } from './memory-store.ts';

/** node1, whose VMs run and are highly available unless the entries say otherwise. */
export async function suspendedNode(entries: Record<string, unknown>, { hasInstances = false } = {}) {
  const done: Done = [];
  const clock = new ManualClock({ sleeps: true });
  const store = new MemoryStore();
  store.put(entries);
  const view = watchCluster(store, clock);
  await view.ready();
  const authority = new TestAuthority();
  const [guard, slices, instances, events] = [
    new TestGuard(done),
    new TestSlices(done),
    createInstanceRegistry(),
    saidEvents(),
  ];
  const suspended = new SuspendedVms({
    ...{ node: 'node1', store, view, instances, authority, guard, slices, events, clock, log: silentLog, hasInstances },
  });
  const run = (instance: TestInstance, { guarded = true } = {}) => {
    instances.add(instance.asInstance);
    if (guarded) slices.inGroup.add(instance.vm);
    return instance;
  };
  return {
    ...{ done, clock, store, view, authority, guard, slices, instances, events, suspended, run },
    /** Its right ends, and the guard freezes what is left. */
    async hold() {
      authority.say('ended');
      await clock.pass(300);
      slices.allFrozen = true;
      guard.is({ frozen: true });
    },
    /** As the authority does it: first told, then the guard. */
    back() {
      authority.say('back');
      guard.extend(clock.monotonicMs() + 3500);
      slices.allFrozen = false;
      guard.is({ frozen: false });
    },
    /** A VM with one QEMU on this node. */
    vm(name: string, state: TestInstance['state'] = 'running') {
      return run(new TestInstance(name, done, { state }));
    },
  };
}
