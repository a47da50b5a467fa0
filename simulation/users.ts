import type { HighAvailability, NodeMembership, NodeService } from '../src/model/authority.ts';
import { keys } from '../src/model/keys.ts';
import type { NodeMemory } from '../src/model/node.ts';
import { withAllocation } from '../src/model/node.ts';
import type { VmOwner, VmRecord, VmStatus } from '../src/model/vm.ts';
import type { Transaction, TransactionOutcome } from '../src/ports/store.ts';
import { requestMigration } from './request-migration.ts';
import type { Command, Wish } from './commands.ts';
import type { World } from './world.ts';

/** What a user was promised about a VM, to be compared with what becomes of it. */
export interface Acknowledged {
  readonly desired: 'running' | 'off' | 'deleted';
  readonly at: number;
}

const WISHES: Readonly<Record<Wish['do'], true>> = {
  ...({ migrate: true, cancel: true, 'turn-off': true, start: true, delete: true } as const),
  ...({ 'pause-node': true, 'resume-node': true, 'drain-node': true, 'confirm-dead': true } as const),
  ...({ disarm: true, arm: true, 'join-node': true, 'evict-node': true } as const),
  ...({ 'replace-node': true, 'upgrade-nodes': true } as const),
};

export function isWish(command: Command): command is Wish {
  return command.do in WISHES;
}

/** Carries out what a user asks for, as the API does: checks, then one transaction. */
export function carryOutWish(world: World, command: Wish): void {
  switch (command.do) {
    case 'join-node':
      return world.procedures.join(command.node);
    case 'evict-node':
      return world.procedures.evict(command.node);
    case 'replace-node':
      return world.procedures.replace(command.node, command.by);
    case 'upgrade-nodes':
      return world.procedures.upgrade(command.nodes);
    case 'migrate':
    case 'cancel':
    case 'turn-off':
    case 'start':
    case 'delete':
    case 'pause-node':
    case 'resume-node':
    case 'drain-node':
    case 'confirm-dead':
    case 'disarm':
    case 'arm':
      return request(world, command);
  }
}

type Request = Exclude<Wish, { do: 'join-node' | 'evict-node' | 'replace-node' | 'upgrade-nodes' }>;

function request(world: World, command: Request): void {
  const machine = world.machines.find((one) => one.executes && one.agent?.reachesStore() === true);
  if (machine === undefined) return;
  const write = (transaction: Transaction, done: (outcome: TransactionOutcome) => void = () => undefined) =>
    world.store.transact(machine.index, world.compared(transaction), { deadline: world.engine.now + 2000, done });
  switch (command.do) {
    case 'migrate':
      return requestMigration(world, command, write);
    case 'cancel': {
      const intent = world.store.get(keys.vmIntent(command.vm));
      if (intent === undefined) return;
      say(world, `cancel the migration of ${command.vm}`);
      const { migrationId } = intent.value as { migrationId: string };
      const value = { migrationId, reason: 'asked by a user', at: world.isoNow() };
      return write({
        compare: [{ key: keys.vmIntent(command.vm), modRevision: intent.modRevision }],
        write: [{ put: keys.vmCancel(command.vm), value }],
      });
    }
    case 'turn-off':
    case 'start':
      return changePower(world, command, write);
    case 'delete':
      return deleteVm(world, command.vm, write);
    case 'pause-node':
    case 'resume-node':
    case 'drain-node':
      return changeService(world, command, write);
    case 'confirm-dead':
      return confirmDead(world, command.node, write);
    case 'disarm':
    case 'arm': {
      say(world, `${command.do} failover`);
      const value: HighAvailability = {
        armed: command.do === 'arm',
        since: world.isoNow(),
        by: 'admin',
        reason: 'work',
      };
      return write({ compare: [], write: [{ put: keys.highAvailability, value }] });
    }
  }
}

type Write = (transaction: Transaction, done?: (outcome: TransactionOutcome) => void) => void;

function say(world: World, text: string): void {
  if (world.telling) world.tell({ kind: 'user', text });
}

function changePower(
  world: World,
  command: { readonly do: 'start' | 'turn-off'; readonly vm: string },
  write: Write,
): void {
  const { vm } = command;
  const record = world.store.get(keys.vmRecord(vm));
  const owner = world.store.get(keys.vmOwner(vm));
  const status = world.store.get(keys.vmStatus(vm))?.value as VmStatus | undefined;
  if (record === undefined || owner === undefined || world.store.get(keys.vmIntent(vm)) !== undefined) return;
  const value = record.value as VmRecord;
  const on = command.do === 'start';
  const state = status?.state ?? 'off';
  if (on === (state !== 'off' && state !== 'failed')) return;
  const node = (owner.value as VmOwner).node;
  const membership = world.store.get(keys.nodeMembership(node))?.value as NodeMembership | undefined;
  if (membership?.state !== 'member') return;
  const desired = on ? 'running' : 'off';
  const request = {
    id: `r${world.store.revision}`,
    action: on ? ('start' as const) : ('turn-off' as const),
    at: world.isoNow(),
  };
  const memory = world.store.get(keys.nodeMemory(node));
  if (memory === undefined) return;
  const before = memory.value as NodeMemory;
  const held = on ? withAllocation(before, vm, value.definition.memoryBytes) : before;
  if (on && Object.values(held.allocations).reduce((sum, bytes) => sum + bytes, 0) > held.capacityBytes) return;
  say(world, `${on ? 'start' : 'turn off'} ${vm}`);
  write(
    {
      compare: [
        { key: keys.vmRecord(vm), modRevision: record.modRevision },
        { key: keys.vmOwner(vm), modRevision: owner.modRevision },
        { key: keys.vmIntent(vm), modRevision: '0' },
        { key: keys.nodeMemory(node), modRevision: memory.modRevision },
      ],
      write: [
        { put: keys.vmRecord(vm), value: { ...value, desired, request } satisfies VmRecord },
        ...(on ? [{ put: keys.nodeMemory(node), value: held }] : []),
      ],
    },
    (outcome) => {
      if (outcome.kind === 'applied') world.acknowledged.set(vm, { desired, at: world.engine.now });
      else if (outcome.kind === 'unknown') world.acknowledged.delete(vm);
    },
  );
}

/** Only of a VM that is off: one transaction takes it out. */
function deleteVm(world: World, vm: string, write: Write): void {
  const record = world.store.get(keys.vmRecord(vm));
  const owner = world.store.get(keys.vmOwner(vm));
  const status = world.store.get(keys.vmStatus(vm));
  if (record === undefined || owner === undefined || (status?.value as VmStatus | undefined)?.state !== 'off') return;
  if (world.store.get(keys.vmIntent(vm)) !== undefined) return;
  say(world, `delete ${vm}`);
  const all = [keys.vmRecord(vm), keys.vmOwner(vm), keys.vmStatus(vm)];
  const compare = all.map((key) => ({ key, modRevision: world.store.get(key)?.modRevision ?? '0' }));
  write(
    { compare: [...compare, { key: keys.vmIntent(vm), modRevision: '0' }], write: all.map((key) => ({ delete: key })) },
    (outcome) => {
      if (outcome.kind !== 'applied') return;
      world.oracle.truth(vm).deleted = true;
      world.acknowledged.set(vm, { desired: 'deleted', at: world.engine.now });
    },
  );
}

function changeService(
  world: World,
  command: {
    readonly do: 'pause-node' | 'resume-node' | 'drain-node';
    readonly node: string;
    readonly failback?: boolean;
  },
  write: Write,
): void {
  const key = keys.nodeService(command.node);
  // One that is no member has nothing to change.
  if (world.store.get(keys.nodeFacts(command.node)) === undefined) return;
  const mode = ({ 'pause-node': 'paused', 'resume-node': 'active', 'drain-node': 'draining' } as const)[
    command.do as 'pause-node' | 'resume-node' | 'drain-node'
  ];
  say(world, `${command.do.replace('-node', '')} ${command.node}${command.failback === true ? ' with failback' : ''}`);
  const vms = world.vmNames.filter(
    (vm) => (world.store.get(keys.vmOwner(vm))?.value as VmOwner | undefined)?.node === command.node,
  );
  const before = world.store.get(key)?.value as NodeService | undefined;
  const kept = command.failback === true ? (before?.drain ?? null) : null;
  const drain =
    mode === 'draining' ? { id: `d${world.store.revision}`, requestedAt: world.isoNow(), vms, failures: {} } : kept;
  const value: NodeService = { mode, since: world.isoNow(), by: 'admin', drain };
  write({ compare: [], write: [{ put: key, value }] });
}

/** The administrator has looked: it really is off. */
function confirmDead(world: World, node: string, write: Write): void {
  const key = keys.nodeMembership(node);
  const membership = world.store.get(key);
  if (membership === undefined || world.machine(node).powered) return;
  const known = membership.value as NodeMembership;
  if (known.state !== 'member') return;
  say(world, `confirm that ${node} is dead`);
  const value: NodeMembership = {
    ...{
      state: 'fenced',
      bootId: known.bootId,
      since: world.isoNow(),
      by: 'admin',
      reason: 'an administrator confirmed it',
    },
    evidence: { kind: 'confirmed', by: 'admin' },
  };
  write({ compare: [{ key, modRevision: membership.modRevision }], write: [{ put: key, value }] });
}
