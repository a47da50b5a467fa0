import {
  planSeats,
  type SeatCandidate,
  type SeatChange,
  type SeatPlan,
  type SeatSight,
} from '../failover/store-seats.ts';
import { storeNotSaved, storeSaved } from '../failover/store-saved.ts';
import { knownNodes } from '../model/cluster-state.ts';
import type { SeatRecord, SeatsRecord } from '../model/formation.ts';
import { keys } from '../model/keys.ts';
import type { NodeName, Revision } from '../model/names.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/events.ts';
import type { Log } from '../ports/log.ts';
import type { ClusterStore } from '../ports/store.ts';
import type { StoreSeat, StoreSeats, StoreSnapshots } from '../ports/store-seats.ts';
import type { ClusterView } from './cluster-view.ts';

export interface SeatKeeperPorts {
  readonly node: NodeName;
  readonly store: ClusterStore;
  readonly seats: StoreSeats;
  readonly snapshots: StoreSnapshots;
  readonly view: ClusterView;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Log;
}

const TICK_MS = 250;
/** While there is nothing to do, the members are looked at this seldom, unless a node comes, goes or falls silent. */
const CALM_LOOK_MS = 5000;
const AFTER_FAILURE_MS = 500;
const HEARD_WITHIN_MS = 2000;
/** A learner this many entries of the log behind gets the rest within moments. */
const CAUGHT_UP_WITHIN = 100;
const FAILED_FOR_MS = 10 * 60_000;
/** A copy of the database from ahead of a change serves for the next try of the same change, too. */
const SAVED_FOR_MS = 60_000;

interface Look {
  readonly record: { readonly value: SeatsRecord | null; readonly modRevision: Revision };
  readonly list: readonly StoreSeat[];
  readonly sights: readonly SeatSight[];
  readonly candidates: readonly SeatCandidate[];
}

/**
 * Moves the seats of the store to where the plan wants them, one change at a time. Every agent has one; the first by name of those that
 * are heard acts. Should two act at once, only one gets its announcement into the store.
 */
export function keepSeats(ports: SeatKeeperPorts): () => void {
  const { clock, log } = ports;
  const learnerSinceMs = new Map<string, number>();
  const strangeSinceMs = new Map<string, number>();
  const failedUntilMs = new Map<NodeName, number>();
  let nextLookMs = 0;
  let seen = '';
  let working = false;
  let lastReason = '';
  let saved = { ahead: '', atMs: -Infinity };

  /** False: that was done already. Whether it succeeds or not, the change goes on: a dead member is the greater danger. */
  async function saveStore(change: SeatChange): Promise<boolean> {
    const ahead = describe(change);
    if (saved.ahead === ahead && clock.monotonicMs() - saved.atMs < SAVED_FOR_MS) return false;
    await takeSnapshot(ports, ahead);
    saved = { ahead, atMs: clock.monotonicMs() };
    return true;
  }

  async function turn(): Promise<void> {
    const look = await lookAround(ports, { learnerSinceMs, strangeSinceMs, failedUntilMs });
    await publishIfChanged(ports, look);
    const plan = planSeats({ seats: look.sights, candidates: look.candidates });
    if (plan.reason !== lastReason) log.info('Seats of the store', { plan: plan.reason });
    lastReason = plan.reason;
    const isChanging = plan.change !== null || look.list.some((seat) => seat.learner);
    nextLookMs = clock.monotonicMs() + (isChanging ? TICK_MS : CALM_LOOK_MS);
    const { change } = plan;
    if (change === null) return;
    // It may have taken long: what is to be done is decided anew.
    if (await saveStore(change)) return turn();
    await carryOut(ports, look, plan);
    if (change.kind === 'remove' && change.node !== null && look.list.some((s) => s.id === change.id && s.learner)) {
      failedUntilMs.set(change.node, clock.monotonicMs() + FAILED_FOR_MS);
    }
  }

  return clock.every(TICK_MS, () => {
    const heard = heardNodes(ports);
    if (heard !== seen) nextLookMs = 0;
    seen = heard;
    if (working || !actsNow(ports) || clock.monotonicMs() < nextLookMs) return;
    working = true;
    void turn()
      .catch((error: unknown) => {
        nextLookMs = clock.monotonicMs() + AFTER_FAILURE_MS;
        log.debug('The seats of the store could not be looked at or moved', { error });
      })
      .finally(() => {
        working = false;
      });
  });
}

async function takeSnapshot({ snapshots, events, node, log }: SeatKeeperPorts, ahead: string): Promise<void> {
  try {
    events.say(storeSaved(node, await snapshots.take(), ahead));
  } catch (error) {
    log.warn("The cluster's database could not be saved", { error });
    events.say(storeNotSaved(node, error, ahead));
  }
}

/** Which members are there and heard, as text that changes with it. */
function heardNodes({ view, clock }: SeatKeeperPorts): string {
  const nowMs = clock.monotonicMs();
  return knownNodes(view.current())
    .map(({ facts, heartbeatSeenAtMs }) => {
      const heard = heartbeatSeenAtMs !== null && nowMs - heartbeatSeenAtMs <= HEARD_WITHIN_MS;
      return `${facts.value.name}${heard ? '+' : '-'}`;
    })
    .join(' ');
}

/** The witness moves no seats: it may be far away, and the nodes are there first. */
function actsNow({ view, clock, node }: SeatKeeperPorts): boolean {
  if (!view.fresh()) return false;
  const nowMs = clock.monotonicMs();
  const heard = knownNodes(view.current())
    .filter(({ facts }) => facts.value.role === 'node')
    .filter((entry) => entry.heartbeatSeenAtMs !== null && nowMs - entry.heartbeatSeenAtMs <= HEARD_WITHIN_MS)
    .map(({ facts }) => facts.value.name)
    .sort();
  return heard[0] === node;
}

interface Memory {
  readonly learnerSinceMs: Map<string, number>;
  readonly strangeSinceMs: Map<string, number>;
  readonly failedUntilMs: ReadonlyMap<NodeName, number>;
}

async function lookAround(ports: SeatKeeperPorts, memory: Memory): Promise<Look> {
  const { store, seats, view, clock } = ports;
  const nowMs = clock.monotonicMs();
  const candidates = knownNodes(view.current()).map(({ facts, heartbeatSeenAtMs }): SeatCandidate => {
    const { name, role, addresses } = facts.value;
    return {
      ...{ name, role, address: addresses[0] ?? '' },
      silentForMs: heartbeatSeenAtMs === null ? null : nowMs - heartbeatSeenAtMs,
      failedLately: (memory.failedUntilMs.get(name) ?? 0) > nowMs,
    };
  });
  const entry = await store.get(keys.storeSeats);
  const list = await seats.list();
  const nodes = new Map(knownNodes(view.current()).flatMap(({ facts }) => namesByAddress(facts.value)));
  const health = await seats.health(list, nodes);
  const leaderIndex = health.find((one) => one.leader)?.appliedIndex ?? null;
  remember(
    memory.learnerSinceMs,
    list.filter((seat) => seat.learner),
    nowMs,
  );
  remember(
    memory.strangeSinceMs,
    list.filter((seat) => !nodes.has(seat.address)),
    nowMs,
  );
  const sights = list.map((seat): SeatSight => {
    const own = health.find((one) => one.id === seat.id);
    const behind = leaderIndex === null ? null : leaderIndex - (own?.appliedIndex ?? -Infinity);
    return {
      ...{ id: seat.id, node: nodes.get(seat.address) ?? null, learner: seat.learner },
      ...{ healthy: own?.healthy ?? false, leader: own?.leader ?? false },
      // Started: a member that never ran may not be given a vote, whatever the store says about it.
      caughtUp: seat.name !== null && behind !== null && behind <= CAUGHT_UP_WITHIN,
      strangeForMs: nowMs - (memory.strangeSinceMs.get(seat.id) ?? nowMs),
      learnerForMs: nowMs - (memory.learnerSinceMs.get(seat.id) ?? nowMs),
    };
  });
  const value = (entry?.value as SeatsRecord | undefined) ?? null;
  return { record: { value, modRevision: entry?.modRevision ?? '0' }, list, sights, candidates };
}

/** Since when each of these seats has been as it is; others are forgotten. */
function remember(sinceMs: Map<string, number>, seats: readonly StoreSeat[], nowMs: number): void {
  for (const id of sinceMs.keys()) if (!seats.some((seat) => seat.id === id)) sinceMs.delete(id);
  for (const { id } of seats) if (!sinceMs.has(id)) sinceMs.set(id, nowMs);
}

function namesByAddress({ name, addresses }: { name: NodeName; addresses: readonly string[] }): [string, NodeName][] {
  return addresses.map((address) => [address, name]);
}

function recordsOf(list: readonly StoreSeat[], sights: readonly SeatSight[]): SeatRecord[] {
  return list.flatMap((seat) => {
    const name = sights.find((sight) => sight.id === seat.id)?.node ?? seat.name;
    return name === null ? [] : [{ name, address: seat.address, id: seat.id, learner: seat.learner }];
  });
}

/** The record follows the store's own list, also where somebody changed it by hand or an agent ended in between. */
async function publishIfChanged(ports: SeatKeeperPorts, look: Look): Promise<void> {
  const members = recordsOf(look.list, look.sights);
  if (members.length === 0 || sameMembers(members, look.record.value?.members ?? [])) return;
  await writeRecord(ports, look.record.modRevision, { members, change: null });
}

/** The order in which the store lists its members means nothing. */
function sameMembers(one: readonly SeatRecord[], other: readonly SeatRecord[]): boolean {
  const texts = (members: readonly SeatRecord[]) =>
    members.map(({ name, address, id, learner }) => `${id} ${name} ${address} ${learner}`).sort();
  return texts(one).join('\n') === texts(other).join('\n');
}

async function carryOut(ports: SeatKeeperPorts, look: Look, plan: SeatPlan): Promise<void> {
  const { store, seats, clock, log, node } = ports;
  const { change } = plan;
  if (change === null) return;
  // The look may have published: what counts is the record as it is now.
  const entry = await store.get(keys.storeSeats);
  const members = recordsOf(look.list, look.sights);
  if (entry === undefined || !sameMembers(members, (entry.value as SeatsRecord).members)) return;
  const what = describe(change);
  const at = new Date(clock.wallMs()).toISOString();
  if (!(await writeRecord(ports, entry.modRevision, { members, change: { what, by: node, at } }))) return;
  try {
    await announce(ports, { members: await makeChange(seats, change, members), change: null });
  } catch (error) {
    await announce(ports, { members, change: null });
    throw error;
  }
  log.info('Moved a seat of the store', { what, reason: plan.reason });
  ports.events.say({
    ...{ kind: 'store-member-changed', critical: false, node: change.node, vm: null },
    text: `Members of the cluster's database: ${what}.`,
    reason: plan.reason,
  });
}

/** The members as they are then. */
async function makeChange(
  seats: StoreSeats,
  change: SeatChange,
  members: readonly SeatRecord[],
): Promise<readonly SeatRecord[]> {
  if (change.kind === 'add') {
    const { id } = await seats.addLearner(change.address);
    return [...members, { name: change.node, address: change.address, id, learner: true }];
  }
  if (change.kind === 'promote') {
    await seats.promote(change.id);
    return members.map((member) => (member.id === change.id ? { ...member, learner: false } : member));
  }
  await seats.remove(change.id);
  return members.filter(({ id }) => id !== change.id);
}

/** At once, so that nobody waits for the next look; that one corrects it if it was wrong. */
async function announce(ports: SeatKeeperPorts, record: SeatsRecord): Promise<void> {
  const entry = await ports.store.get(keys.storeSeats);
  await writeRecord(ports, entry?.modRevision ?? '0', record);
}

async function writeRecord(ports: SeatKeeperPorts, modRevision: Revision, value: SeatsRecord): Promise<boolean> {
  const outcome = await ports.store.transact({
    compare: [{ key: keys.storeSeats, modRevision }],
    write: [{ put: keys.storeSeats, value }],
  });
  return outcome.kind === 'applied';
}

function describe(change: SeatChange): string {
  if (change.kind === 'add') return `${change.node} is added`;
  const who = change.node ?? `member ${change.id}`;
  return change.kind === 'promote' ? `${who} gets a vote` : `${who} is removed`;
}
