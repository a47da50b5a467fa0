import { AUTHORITY_MS, type FenceEvidence, type NodeHeartbeat, type NodeMembership } from '../src/model/authority.ts';
import { promisesSuffice } from '../src/failover/quorum.ts';
import { ASK_POWER_OFF_AFTER_MS } from '../src/failover/takeover.ts';
import { STARTS_AT_ONCE } from '../src/failover/start-pacing.ts';
import type { MigrationIntent } from '../src/model/intent.ts';
import { keys, STORE_PREFIX } from '../src/model/keys.ts';
import type { VmName } from '../src/model/names.ts';
import type { NodeMemory } from '../src/model/node.ts';
import type { VmOwner, VmRecord } from '../src/model/vm.ts';
import type { Machine } from './machine.ts';
import type { Qemu } from './qemu.ts';
import type { Change } from './store-watches.ts';
import type { World } from './world.ts';

/** As listed in docs/simulation.md. */
export type Invariant =
  | 'I1'
  | 'I2'
  | 'I3'
  | 'I4'
  | 'I5'
  | 'I6'
  | 'I7'
  | 'I8'
  | 'I9'
  | 'I10'
  | 'I11'
  | 'I12'
  | 'I13'
  | 'I14';

export interface Violation {
  readonly invariant: Invariant;
  readonly at: number;
  readonly text: string;
}

interface VmTruth {
  readonly running: Set<Qemu>;
  /** Grows with every beginning of an execution: memory of an older count is older than the disk. */
  disk: number;
  /** The user was told that it is deleted. */
  deleted: boolean;
  /** When it last began to execute. */
  beganAt: number;
}

/** What a node's authority may rest on; times of its own clock. */
interface Ground {
  readonly sent: Map<number, number>;
  /** When the newest committed heartbeat was sent. */
  committedMs: number;
  readonly rounds: Map<number, { readonly sentMs: number; readonly granted: Set<string> }>;
}

/** The clocks of two nodes may differ by 2 %, and a voter may have seen the heartbeat at the instant of its commit. */
const FASTEST_CLOCK = 1.011;
/** After the end of authority: until the freeze, until the kill, until it is given up, one period late. */
const PET_AFTER_END_MS = 300 + 500 + 500 + 500;
/** A node counts as undisturbed, and the store or the voters as there, after this long. */
const CALM_MS = 15_000;

/** Knows everything that really happens, and says at once when something must not. */
export class Oracle {
  readonly #world: World;
  readonly #vms = new Map<VmName, VmTruth>();
  readonly #heartbeatAt = new Map<string, number>();
  readonly #memberAt = new Map<string, number>();
  readonly #boots = new Map<string, string>();
  readonly #terms = new Map<string, NodeHeartbeat>();
  readonly #grounds = new Map<string, Ground>();
  #storeIsOld = false;
  readonly #fencedNow = new Set<string>();
  violation: Violation | null = null;
  fencings = 0;
  executions = 0;

  constructor(world: World) {
    this.#world = world;
  }

  fail(invariant: Invariant, text: string): void {
    if (this.violation !== null) return;
    this.violation = { invariant, at: this.#world.engine.now, text };
    if (this.#world.telling) this.#world.tell({ kind: 'violation', text: `${invariant}: ${text}` });
    this.#world.engine.stop();
  }

  truth(vm: VmName): VmTruth {
    const known = this.#vms.get(vm);
    if (known !== undefined) return known;
    const truth: VmTruth = { running: new Set(), disk: 0, deleted: false, beganAt: -1 };
    this.#vms.set(vm, truth);
    return truth;
  }

  /** The copy may have begun or ceased to execute. */
  changed(qemu: Qemu): void {
    const truth = this.truth(qemu.vm);
    const was = truth.running.has(qemu);
    if (qemu.executing === was) return;
    if (was) {
      truth.running.delete(qemu);
      return;
    }
    this.#began(qemu, truth);
    truth.running.add(qemu);
  }

  #began(qemu: Qemu, truth: VmTruth): void {
    const { now } = this.#world.engine;
    this.executions += 1;
    for (const other of truth.running) {
      this.fail('I1', `${qemu.vm} executes on ${qemu.machine.name} and on ${other.machine.name}`);
    }
    for (const machine of this.#world.machines) {
      for (const other of machine.qemus) {
        if (other.vm === qemu.vm && other !== qemu && other.ioUntil > now) {
          this.fail('I2', `${qemu.vm} begins on ${qemu.machine.name} while a write of ${machine.name} is under way`);
        }
      }
    }
    if (qemu.memoryOf !== null && qemu.memoryOf !== truth.disk) {
      this.fail('I12', `${qemu.vm} goes on on ${qemu.machine.name} with memory that is older than its disk`);
    }
    if (truth.deleted) this.fail('I5', `${qemu.vm} was deleted and runs on ${qemu.machine.name}`);
    this.#memoryHeld(qemu);
    if (this.#world.plan.profile === 'upgrade' && qemu.memoryOf === null && truth.disk > 0) {
      this.fail('I14', `${qemu.vm} was restarted on ${qemu.machine.name} though all nodes were drained`);
    }
    truth.disk += 1;
    truth.beganAt = now;
    qemu.memoryOf = truth.disk;
  }

  /** Whoever was admitted is in the books: an admission that overwrote another one would let a node promise more than it has. */
  #memoryHeld({ vm, machine }: Qemu): void {
    if (this.#storeIsOld) return;
    const memory = this.#world.store.get(keys.nodeMemory(machine.name))?.value as NodeMemory | undefined;
    if (memory !== undefined && memory.allocations[vm] !== undefined) return;
    this.fail('I7', `${vm} begins on ${machine.name}, which holds no memory for it`);
  }

  /** A guest is about to come from there: memory of a newer QEMU is not sure to be understood by an older one. */
  arrives(qemu: Qemu, from: Machine): void {
    const { machine } = qemu;
    if (seriesOf(machine) >= seriesOf(from)) return;
    this.fail('I7', `${qemu.vm} is to go from ${from.name} to ${machine.name}, whose QEMU is older`);
  }

  /** An agent has started a QEMU. */
  starts(qemu: Qemu): void {
    const { machine, starter } = qemu;
    let underWay = 0;
    for (const other of machine.qemus) {
      if (other.incoming === null && !other.ready && !other.dying && other.starter === starter) underWay += 1;
    }
    if (underWay > STARTS_AT_ONCE) this.fail('I13', `${machine.name} starts ${underWay} VMs at the same time`);
  }

  /** An agent has sent `cont`. */
  continued(qemu: Qemu, untilMs: number | null | undefined): void {
    const { machine } = qemu;
    if (qemu.highlyAvailable && (untilMs === undefined || (untilMs !== null && machine.mono() >= untilMs))) {
      this.fail('I4', `${qemu.vm} is let run on ${machine.name} without authority`);
    }
    if (this.#storeIsOld) return;
    const owner = this.#world.store.get(keys.vmOwner(qemu.vm))?.value as VmOwner | undefined;
    const intent = this.#world.store.get(keys.vmIntent(qemu.vm))?.value as MigrationIntent | undefined;
    if (owner?.node === machine.name) return;
    if (intent?.destination === machine.name && intent.migrationId === qemu.incoming && qemu.mayHaveRun) return;
    this.fail('I4', `${qemu.vm} is let run on ${machine.name}, which does not own it`);
  }

  /** What the store says from now on is not what was agreed: a migration that was under way ends as it was opened. */
  storeSetBack(): void {
    this.#storeIsOld = true;
    this.#fencedNow.clear();
  }

  /** A heartbeat was sent, at this time of the node's clock. */
  heartbeatSent(node: string, sequence: number, sentMs: number): void {
    this.#ground(node).sent.set(sequence, sentMs);
  }

  /** A node has asked the voters, at this time of its clock. */
  promisesAsked(node: string, round: number, sentMs: number): void {
    const { rounds } = this.#ground(node);
    rounds.set(round, { sentMs, granted: new Set() });
    if (rounds.size > 20) for (const old of rounds.keys()) if (old < round - 15) rounds.delete(old);
  }

  promiseGiven(node: string, round: number, voter: string): void {
    this.#ground(node).rounds.get(round)?.granted.add(voter);
  }

  /** A node takes itself to have authority until then: it must rest on a heartbeat that was committed, or on enough promises. */
  authorityTaken(node: string, untilMs: number): void {
    const ground = this.#ground(node);
    const terms = this.#terms.get(node);
    // As long as nobody may take it over by votes it needs no ground.
    let best = terms === undefined || terms.takeoverMs === null ? this.#world.machine(node).mono() : ground.committedMs;
    for (const { sentMs, granted } of ground.rounds.values()) {
      if (sentMs <= best || terms === undefined) continue;
      if (promisesSuffice(terms, [...granted])) best = sentMs;
    }
    if (untilMs <= best + AUTHORITY_MS + 1) return;
    this.fail(
      'I4',
      `${node} takes itself to have authority for ${Math.round(untilMs - best - AUTHORITY_MS)} ms too long`,
    );
  }

  #ground(node: string): Ground {
    const known = this.#grounds.get(node);
    if (known !== undefined) return known;
    const ground: Ground = { sent: new Map(), committedMs: -Infinity, rounds: new Map() };
    this.#grounds.set(node, ground);
    return ground;
  }

  /** Its clock begins anew, and nothing of before counts. */
  booted(node: string): void {
    this.#grounds.delete(node);
  }

  /** A guard has written to its watchdog. */
  petted(machine: Machine): void {
    const deadline = machine.guard?.deadlineMs;
    if (deadline === null || deadline === undefined) return;
    if (machine.mono() < deadline + PET_AFTER_END_MS) return;
    for (const qemu of machine.qemus) {
      if (!qemu.highlyAvailable || qemu.quiet(this.#world.engine.now)) continue;
      this.fail('I9', `the guard of ${machine.name} pets on though ${qemu.vm} is not quiet`);
    }
  }

  /** VMs of this machine are about to stand still, or the machine is reset. */
  harmed(machine: Machine, what: string): void {
    const { now } = this.#world.engine;
    if (!machine.highlyAvailable().some((qemu) => qemu.executing)) return;
    if (now - machine.disturbedAt < CALM_MS) return;
    if (now - machine.connectedSince < CALM_MS) return;
    this.fail('I6', `${machine.name}: ${what}, though nothing was wrong with it`);
  }

  committed(changes: readonly Change[]): void {
    for (const change of changes) {
      const [kind, name = '', part] = change.key.slice(STORE_PREFIX.length).split('/');
      if (kind === 'nodes' && part === 'heartbeat') this.#heartbeat(name, change);
      else if (kind === 'nodes' && part === 'membership')
        this.#membership(name, change.value as NodeMembership | undefined);
      else if (kind === 'memory') this.#memory(name, change.value as NodeMemory | undefined);
      else if (kind === 'vms' && part === 'owner') this.#owner(name, change.value as VmOwner | undefined);
    }
  }

  #heartbeat(node: string, { value }: Change): void {
    if (value === undefined) return;
    if (this.#fencedNow.has(node)) this.fail('I8', `a heartbeat of ${node} was committed though it is fenced`);
    this.#heartbeatAt.set(node, this.#world.engine.now);
    const heartbeat = value as NodeHeartbeat;
    this.#terms.set(node, heartbeat);
    const ground = this.#ground(node);
    const sentMs = ground.sent.get(heartbeat.sequence);
    if (sentMs !== undefined && sentMs > ground.committedMs) ground.committedMs = sentMs;
    if (ground.sent.size > 40)
      for (const old of ground.sent.keys()) if (old < heartbeat.sequence - 30) ground.sent.delete(old);
  }

  #membership(node: string, value: NodeMembership | undefined): void {
    if (value?.state !== 'fenced') {
      if (value !== undefined && (this.#fencedNow.has(node) || this.#boots.get(node) !== value.bootId)) {
        this.#memberAt.set(node, this.#world.engine.now);
        this.#boots.set(node, value.bootId);
      }
      this.#fencedNow.delete(node);
      if (value !== undefined && this.#world.telling) this.#world.tell({ kind: 'member', node });
      return;
    }
    this.fencings += 1;
    if (this.#world.telling) {
      this.#world.tell({ kind: 'fenced', node, by: value.by, evidence: evidenceText(value.evidence) });
    }
    if (this.#fencedNow.has(node)) this.fail('I8', `${node} was fenced twice for one incident`);
    this.#fencedNow.add(node);
    const machine = this.#world.machine(node);
    for (const qemu of machine.qemus) {
      if (qemu.highlyAvailable && machine.powered && !qemu.quiet(this.#world.engine.now)) {
        this.fail('I3', `${node} is fenced (${value.evidence.kind}) while ${qemu.vm} is not quiet there`);
      }
    }
    if (value.evidence.kind === 'votes') this.#notTooEarly(node);
    this.#world.fenced(machine);
  }

  #notTooEarly(node: string): void {
    const takeoverMs = this.#terms.get(node)?.takeoverMs ?? null;
    const since = this.#world.engine.now - (this.#heartbeatAt.get(node) ?? -Infinity);
    const memberFor = this.#world.engine.now - (this.#memberAt.get(node) ?? -Infinity);
    // Until its first heartbeat under the new membership it runs nothing, and a fencing does no harm; but it is given the time to send one.
    if (memberFor < ASK_POWER_OFF_AFTER_MS / FASTEST_CLOCK) {
      this.fail(
        'I8',
        `${node} was fenced ${Math.round(memberFor)} ms after it had become a member, for its silence before`,
      );
    }
    if (takeoverMs === null) this.fail('I8', `${node} was taken over by votes though its heartbeat forbids it`);
    else if (since < takeoverMs / FASTEST_CLOCK) {
      this.fail('I8', `${node} was fenced ${Math.round(since)} ms after a heartbeat; it may be after ${takeoverMs} ms`);
    }
  }

  #memory(node: string, memory: NodeMemory | undefined): void {
    if (memory === undefined) return;
    let used = 0;
    for (const bytes of Object.values(memory.allocations)) used += bytes;
    if (used > memory.capacityBytes) this.fail('I7', `${node} has promised more memory than it has`);
  }

  #owner(vm: VmName, owner: VmOwner | undefined): void {
    if (owner === undefined) return;
    if (this.#world.store.get(keys.vmIntent(vm)) !== undefined) return;
    const record = this.#world.store.get(keys.vmRecord(vm))?.value as VmRecord | undefined;
    if (record === undefined || record.desired !== 'running') return;
    const rules = record.availability;
    const possible = rules?.possibleOwners ?? [];
    if (possible.length > 0 && !possible.includes(owner.node)) {
      this.fail('I7', `${vm} was given to ${owner.node}, which is not a possible owner`);
    }
    this.#apart(vm, owner.node, rules?.antiAffinity ?? []);
  }

  #apart(vm: VmName, node: string, groups: readonly string[]): void {
    if (groups.length === 0) return;
    for (const other of this.#world.vmNames) {
      if (other === vm) continue;
      const record = this.#world.store.get(keys.vmRecord(other))?.value as VmRecord | undefined;
      const owner = this.#world.store.get(keys.vmOwner(other))?.value as VmOwner | undefined;
      if (owner?.node !== node || record?.desired !== 'running') continue;
      if (record.availability?.antiAffinity.some((group) => groups.includes(group)) === true) {
        this.fail('I7', `${vm} and ${other} keep apart but were both given to ${node}`);
      }
    }
  }
}

function seriesOf({ versions }: Machine): number {
  const [major = 0, minor = 0] = versions.qemu.split('.').map(Number);
  return major * 1000 + minor;
}

function evidenceText(evidence: FenceEvidence): string {
  switch (evidence.kind) {
    case 'votes':
      return `votes of ${evidence.voters.join(', ')}`;
    case 'power-off':
      return 'its power is off';
    case 'confirmed':
      return `confirmed by ${evidence.by}`;
    case 'goodbye':
      return 'it said goodbye';
  }
}
