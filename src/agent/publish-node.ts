import { type ClusterFacts, keys } from '../model/keys.ts';
import type { NodeFacts, NodeMemory } from '../model/node.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { ClusterStore } from '../ports/store.ts';

interface PublishPorts {
  readonly store: ClusterStore;
  readonly clock: Clock;
  readonly log: Log;
}

/** Tells the cluster what this node is; repeats until the store has it. */
export async function publishNode(facts: NodeFacts, cluster: ClusterFacts, ports: PublishPorts): Promise<void> {
  for (;;) {
    try {
      if (await tryPublish(facts, cluster, ports.store)) return;
    } catch (error) {
      ports.log.warn('The store does not take the facts about this node yet', { error });
    }
    await ports.clock.sleep(500);
  }
}

async function tryPublish(facts: NodeFacts, cluster: ClusterFacts, store: ClusterStore): Promise<boolean> {
  await store.transact({
    compare: [{ key: keys.cluster, modRevision: '0' }],
    write: [{ put: keys.cluster, value: cluster }],
  });
  const write = [{ put: keys.nodeFacts(facts.name), value: facts }];
  if (facts.role === 'witness') return (await store.transact({ compare: [], write })).kind === 'applied';
  const key = keys.nodeMemory(facts.name);
  const known = await store.get(key);
  const allocations = (known?.value as NodeMemory | undefined)?.allocations ?? {};
  const memory: NodeMemory = { capacityBytes: facts.memoryBytes, allocations };
  const outcome = await store.transact({
    compare: [{ key, modRevision: known?.modRevision ?? '0' }],
    write: [...write, { put: key, value: memory }],
  });
  return outcome.kind === 'applied';
}
