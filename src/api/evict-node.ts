import type { FastifyInstance } from 'fastify';
import { evictNode } from '../contract/join.ts';
import { type NodeEntry, nodeState } from '../model/cluster-state.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { nextValidity, revokeAll, toRecord } from '../failover/revocations.ts';
import { storeNotSaved, storeSaved } from '../failover/store-saved.ts';
import type {
  EvictionRecord,
  NodeAdmission,
  NodeCertificates,
  RevocationRecord,
  SeatsRecord,
} from '../model/formation.ts';
import { keys, loadKey } from '../model/keys.ts';
import type { NodeFacts, NodeMemory } from '../model/node.ts';
import type { VmOwner } from '../model/vm.ts';
import type { StoreEntry } from '../ports/store.ts';
import { type Change, commitChange } from './commit.ts';
import type { ApiContext } from './context.ts';
import { requireFormation } from './formation-context.ts';
import { readNode } from './node-change.ts';
import { answer, serve } from './resource.ts';

/** A client waits 10 s for its answer, and the removal itself takes some of them. */
const SAVED_WITHIN_MS = 4000;

/** Removing a node for good. Its seat goes first: a member that never comes back must not count in the store's majority. */
export function serveEviction(app: FastifyInstance, context: ApiContext): void {
  serve(app, evictNode, async ({ params }) => {
    const { name } = params;
    const found = await look(context, name);
    const seatRemoved = await removeSeat(context, name, found.addresses);
    await commitChange(context, () => removal(context, name));
    context.log.info('A node was removed from the cluster', { node: name, seatRemoved });
    context.events.say({
      ...{ kind: 'node-left', critical: false, node: name, vm: null },
      text: `${name} was removed from the cluster${seatRemoved ? ', its seat in the database first' : ''}; its certificates are revoked.`,
      reason: `${context.config.administrator.user} asked for it.`,
    });
    return answer(200, { name, seatRemoved });
  });
}

interface Found {
  readonly addresses: readonly string[];
  /** Everything the store has of it. */
  readonly entries: readonly StoreEntry[];
}

/** Throws the reason against it. Reads the store, since this node's view may be old. */
async function look(context: ApiContext, name: string): Promise<Found> {
  const [own, memory, votes, owners] = await Promise.all([
    context.store.list(`${keys.nodes}${name}/`),
    context.store.get(keys.nodeMemory(name)),
    context.store.list(`${keys.votes}${name}/`),
    ownedVms(context, name),
  ]);
  if (own.length === 0) {
    throw new GodwitError({
      code: 'NODE_NOT_FOUND',
      message: `There is no node called "${name}".`,
      state: NOTHING_CHANGED,
      nextStep: 'See `godwit node list` for the names.',
    });
  }
  const valueOf = (key: string) => own.find((entry) => entry.key === key)?.value;
  const facts = valueOf(keys.nodeFacts(name)) as NodeFacts | undefined;
  // One that was let in and has not started yet has no facts.
  const entry = facts === undefined ? context.reader.current().nodes.get(name) : await readNode(context, name);
  refuseWhatIsInUse(context, name, { entry, owners, memory });
  const admitted = valueOf(keys.nodeAdmission(name)) as NodeAdmission | undefined;
  return {
    addresses: [...(facts?.addresses ?? []), ...(admitted?.addresses ?? [])],
    entries: [...own, ...(memory === undefined ? [] : [memory]), ...votes],
  };
}

interface Use {
  readonly entry: NodeEntry | undefined;
  readonly owners: readonly string[];
  readonly memory: StoreEntry | undefined;
}

function refuseWhatIsInUse(context: ApiContext, name: string, { entry, owners, memory }: Use): void {
  if (name === context.nodeName) {
    throw refuse(
      `${name} is the node that answers this request.`,
      'Drain it, stop its agent, and ask another node: godwit --cluster https://NODE:8440 …',
    );
  }
  if (!context.reader.fresh()) {
    throw refuse(
      `${context.nodeName} has not heard the database lately, so it cannot say whether ${name} lives.`,
      'Try again in some seconds, or ask another node: godwit --cluster https://NODE:8440 …',
    );
  }
  const state = entry === undefined ? 'down' : nodeState(entry, context.reader.now());
  if (state !== 'down' && state !== 'fenced') {
    throw refuse(
      `${name} is ${state}.`,
      `Move its VMs away with \`godwit node drain ${name}\`, then stop its agent or switch it off.`,
    );
  }
  const held = Object.keys((memory?.value as NodeMemory | undefined)?.allocations ?? {});
  const vms = [...new Set([...owners, ...held])].sort();
  if (vms.length > 0) {
    throw refuse(
      `${name} has VMs: ${vms.slice(0, 10).join(', ')}${vms.length > 10 ? ` and ${vms.length - 10} more` : ''}.`,
      'Wait until they have been brought back elsewhere, or move or delete them.',
    );
  }
}

async function ownedVms(context: ApiContext, name: string): Promise<string[]> {
  const entries = await context.store.list(keys.vms);
  return entries.flatMap(({ key, value }) => {
    const [vm = '', part] = key.slice(keys.vms.length).split('/');
    return part === 'owner' && (value as VmOwner).node === name ? [vm] : [];
  });
}

/** True if it had one. */
async function removeSeat(context: ApiContext, name: string, addresses: readonly string[]): Promise<boolean> {
  const { seats } = requireFormation(context);
  const seat = (await seats.list()).find(({ address }) => addresses.includes(address));
  if (seat === undefined) return false;
  await saveStore(context, `${name} is removed`);
  await seats.remove(seat.id);
  await forgetSeat(context, seat.id);
  return true;
}

/** Not for longer than the one who asks waits: the copy is a precaution, and the dead member is the greater danger. */
async function saveStore(context: ApiContext, ahead: string): Promise<void> {
  const { snapshots } = requireFormation(context);
  const late = Promise.withResolvers<never>();
  const stopWaiting = context.clock.after(SAVED_WITHIN_MS, () => {
    late.reject(new Error(`It was not done within ${SAVED_WITHIN_MS / 1000} s.`));
  });
  const event = await Promise.race([snapshots.take(), late.promise]).then(
    (copy) => storeSaved(context.nodeName, copy, ahead),
    (error: unknown) => storeNotSaved(context.nodeName, error, ahead),
  );
  stopWaiting();
  context.events.say(event);
}

/** So that nobody asks that member any more. If somebody else changes the record at this moment, the keeper of the seats puts it right. */
async function forgetSeat({ store }: ApiContext, id: string): Promise<void> {
  const entry = await store.get(keys.storeSeats);
  if (entry === undefined) return;
  const record = entry.value as SeatsRecord;
  const members = record.members.filter((member) => member.id !== id);
  await store.transact({
    compare: [{ key: entry.key, modRevision: entry.modRevision }],
    write: [{ put: entry.key, value: { ...record, members } }],
  });
}

/** Everything of it in one transaction, with the note that it was removed and the list that revokes its certificates. */
async function removal(context: ApiContext, name: string): Promise<Change<null>> {
  const { entries } = await look(context, name);
  const revocations = await revocation(context, name, entries);
  const eviction: EvictionRecord = {
    node: name,
    at: new Date(context.clock.wallMs()).toISOString(),
    by: context.config.administrator.user,
  };
  return {
    transaction: {
      // Whoever gave it a VM in between has changed its memory; a heartbeat that comes now is noticed the same way.
      compare: [...entries.map(({ key, modRevision }) => ({ key, modRevision })), revocations.compare],
      write: [
        ...[...entries.map(({ key }) => key), loadKey(name)].map((key) => ({ delete: key })),
        { put: keys.eviction(name), value: eviction },
        { put: keys.revocations, value: revocations.record },
      ],
    },
    proof: { key: keys.eviction(name), value: eviction },
    result: null,
  };
}

/** All certificates that were ever issued to the node join those that are revoked already. */
async function revocation(context: ApiContext, node: string, entries: readonly StoreEntry[]) {
  const { issuer } = requireFormation(context);
  const entry = await context.store.get(keys.revocations);
  const known = entry?.value as RevocationRecord | undefined;
  const own = entries.find(({ key }) => key === keys.nodeCertificates(node))?.value as NodeCertificates | undefined;
  const nowMs = context.clock.wallMs();
  const certificates = revokeAll(known?.certificates ?? [], own ?? { issued: [] }, { node, nowMs });
  const validity = nextValidity(known, nowMs);
  const record = toRecord(certificates, validity, await issuer.revoke(certificates, validity));
  return { compare: { key: keys.revocations, modRevision: entry?.modRevision ?? '0' }, record };
}

function refuse(message: string, nextStep: string): GodwitError {
  return new GodwitError({ code: 'EVICTION_REFUSED', message, state: NOTHING_CHANGED, nextStep });
}
