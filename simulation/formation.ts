import { checkJoin } from '../src/failover/join-checks.ts';
import { knownNodes, nodeState } from '../src/model/cluster-state.ts';
import { GodwitError } from '../src/model/errors.ts';
import { STORE_FORMAT } from '../src/model/formation.ts';
import { keys } from '../src/model/keys.ts';
import type { NodeMemory } from '../src/model/node.ts';
import type { Transaction } from '../src/model/transaction.ts';
import type { TransactionOutcome } from '../src/ports/store.ts';
import type { VmOwner } from '../src/model/vm.ts';
import type { SimulatedAgent } from './agent.ts';
import { addressOf } from './facts.ts';
import type { World } from './world.ts';

/** An agent that can answer a request of a user about this node. */
function answering(world: World, node: string): SimulatedAgent | null {
  const machine = world.machines.find(
    (one) => one.name !== node && one.executes && one.agent?.fresh() === true && one.agent.reachesStore(),
  );
  return machine?.agent ?? null;
}

function write(
  world: World,
  agent: SimulatedAgent,
  { transaction, done }: { readonly transaction: Transaction; readonly done: (outcome: TransactionOutcome) => void },
): void {
  world.store.transact(agent.machine.index, transaction, { deadline: world.engine.now + 2000, done });
}

/** Lets a machine join, as the API does; its agent starts when it has booted. False: refused, or nobody answers. */
export function joinNode(world: World, node: string, done: (joined: boolean) => void): void {
  const agent = answering(world, node);
  const machine = world.machine(node);
  if (agent === null || machine.powered) return done(false);
  const refusal = whyNotJoin(world, agent, node);
  if (refusal !== null) {
    if (world.telling) world.tell({ kind: 'user', text: `${node} is to join: ${refusal}` });
    return done(false);
  }
  if (world.telling) world.tell({ kind: 'user', text: `${node} joins` });
  const admission = {
    role: 'node',
    addresses: [addressOf(machine)],
    admittedAt: world.isoNow(),
    requestHash: '',
    by: agent.id,
  };
  const transaction: Transaction = {
    compare: [keys.nodeFacts(node), keys.nodeAdmission(node)].map((key) => ({ key, modRevision: '0' })),
    write: [{ put: keys.nodeAdmission(node), value: admission }, { delete: keys.eviction(node) }],
  };
  write(world, agent, {
    transaction,
    done: (outcome) => {
      if (outcome.kind !== 'applied') return done(false);
      machine.gone = false;
      machine.notes.clear();
      machine.notes.set('takeover-terms', []);
      machine.disturbedAt = world.engine.now + 20_000;
      machine.boot(world.random.machines.between(3000, 9000));
      world.topologyChanged();
      done(true);
    },
  });
}

function whyNotJoin(world: World, agent: SimulatedAgent, node: string): string | null {
  const { versions } = world.machine(node);
  const wallMs = world.wallMs();
  const expiresAt = new Date(wallMs + 60_000).toISOString();
  const members = knownNodes(agent.view).map(({ facts: { value } }) => ({
    ...{ name: value.name, addresses: value.addresses, version: value.agentVersion },
  }));
  try {
    checkJoin(
      {
        ...{ name: node, role: 'node', addresses: [addressOf(world.machine(node))], version: versions.agent },
        ...{ storeFormat: STORE_FORMAT, wallMs, certificateAddresses: [] },
      },
      {
        token: { id: 't', secretHash: '', createdAt: world.isoNow(), expiresAt, usedBy: null },
        ...{ secretFits: true, members, version: agent.machine.versions.agent, wallMs },
      },
    );
    return null;
  } catch (error) {
    if (error instanceof GodwitError) return error.message;
    throw error;
  }
}

/** Removes a node for good, as the API does: its seat first, then everything of it in one transaction. */
export function evictNode(world: World, node: string, done: (removed: boolean) => void): void {
  const agent = answering(world, node);
  const entry = agent?.view.nodes.get(node);
  if (agent === null || entry?.facts == null) return done(false);
  const state = nodeState(entry, agent.now());
  const refusal =
    state !== 'down' && state !== 'fenced' ? `it is ${state}` : isInUse(world, node) ? 'it has VMs' : null;
  if (refusal !== null) {
    if (world.telling) world.tell({ kind: 'user', text: `remove ${node}: refused, ${refusal}` });
    return done(false);
  }
  const machine = world.machine(node);
  if (world.store.members.some((member) => member.machine === machine.index)) {
    world.store.unseat(machine.index);
    world.membersChanged();
  }
  const of = [`${keys.nodes}${node}/`, `${keys.votes}${node}/`, keys.nodeMemory(node)];
  const entries = [...world.store.entries()].filter(({ key }) => of.some((prefix) => key.startsWith(prefix)));
  const eviction = { node, at: world.isoNow(), by: 'admin' };
  const transaction: Transaction = {
    compare: entries.map(({ key, modRevision }) => ({ key, modRevision })),
    write: [...entries.map(({ key }) => ({ delete: key })), { put: keys.eviction(node), value: eviction }],
  };
  write(world, agent, {
    transaction,
    done: (outcome) => {
      if (outcome.kind !== 'applied') return done(false);
      if (world.telling) world.tell({ kind: 'user', text: `${node} is removed from the cluster` });
      machine.gone = true;
      // Whatever runs on it by now is no part of the cluster: nobody accepts its certificate any more.
      machine.disturbedAt = Infinity;
      machine.powerOff('it is no member any more', 'off');
      done(true);
    },
  });
}

function isInUse(world: World, node: string): boolean {
  const memory = world.store.get(keys.nodeMemory(node))?.value as NodeMemory | undefined;
  if (Object.keys(memory?.allocations ?? {}).length > 0) return true;
  return world.vmNames.some((vm) => (world.store.get(keys.vmOwner(vm))?.value as VmOwner | undefined)?.node === node);
}
