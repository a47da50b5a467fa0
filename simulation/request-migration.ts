import type { NodeName, VmName } from '../src/model/names.ts';
import type { Transaction } from '../src/model/transaction.ts';
import { openMigration } from '../src/migration/open-migration.ts';
import type { SimulatedAgent } from './agent.ts';
import type { World } from './world.ts';

/** As the API and the coordinator open one; null if the view says that it cannot be. */
export function openMigrationOf(agent: SimulatedAgent, vm: VmName, to: NodeName): Transaction | null {
  const { view, world } = agent;
  const entry = view.vms.get(vm);
  if (entry?.record == null || entry.intent !== null || entry.owner === null) return null;
  if (entry.owner.value.node === to || entry.status?.value.state !== 'running') return null;
  const memory = view.memory.get(to);
  if (memory === undefined) return null;
  const used = Object.values(memory.value.allocations).reduce((sum, bytes) => sum + bytes, 0);
  if (used + entry.record.value.definition.memoryBytes > memory.value.capacityBytes) return null;
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
    ({ agent: one, executes, index }) =>
      one !== null && executes && world.store.reachable(index) && one.view.vms.has(vm),
  )?.agent;
  if (agent == null) return;
  const possible = agent.view.vms.get(vm)?.record?.value.availability?.possibleOwners ?? [];
  if (possible.length > 0 && !possible.includes(to)) return;
  const transaction = openMigrationOf(agent, vm, to);
  if (transaction === null) return;
  if (world.telling) world.tell({ kind: 'user', text: `migrate ${vm} to ${to}` });
  write(transaction);
}
