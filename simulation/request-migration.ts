import type { NodeName, VmName } from '../src/model/names.ts';
import type { Transaction } from '../src/model/transaction.ts';
import { availabilityOf, nodesForPlacement } from '../src/placement/occupancy.ts';
import { whyNotOn } from '../src/placement/why-not-place.ts';
import { openMigration } from '../src/migration/open-migration.ts';
import type { SimulatedAgent } from './agent.ts';
import type { World } from './world.ts';

/** As the API and the coordinator open one; null if the view says that it cannot be. */
export function openMigrationOf(agent: SimulatedAgent, vm: VmName, to: NodeName): Transaction | null {
  const { view, world } = agent;
  const entry = view.vms.get(vm);
  if (entry?.record == null || entry.intent !== null || entry.owner === null) return null;
  if (entry.owner.value.node === to || entry.status?.value.state !== 'running') return null;
  const node = nodesForPlacement(view, agent.now()).find(({ facts }) => facts.name === to);
  const owner = view.nodes.get(entry.owner.value.node)?.facts?.value ?? null;
  const { definition } = entry.record.value;
  const availability = availabilityOf(entry.record.value);
  if (node === undefined || whyNotOn(node, { definition, owner, memory: 'now', availability }).length > 0) return null;
  const budgetMs = entry.record.value.budgetMs;
  world.migrations += 1;
  const opened = openMigration(view, {
    ...{ id: `m${world.migrations}`, entry, destination: to, activity: null, nowMs: world.wallMs() },
    wishes: { budgetMs, budgetMaxMs: budgetMs, bandwidthBytesPerSecond: null, encrypted: false },
  });
  return opened?.transaction ?? null;
}

/** A user's request. */
export function requestMigration(
  world: World,
  { vm, to }: { readonly vm: VmName; readonly to: NodeName },
  write: (transaction: Transaction) => void,
): void {
  const agent = world.machines.find(
    ({ agent: one, executes }) => one !== null && executes && one.reachesStore() && one.view.vms.has(vm),
  )?.agent;
  if (agent == null) return;
  const transaction = openMigrationOf(agent, vm, to);
  if (transaction === null) return;
  if (world.telling) world.tell({ kind: 'user', text: `migrate ${vm} to ${to}` });
  write(transaction);
}
