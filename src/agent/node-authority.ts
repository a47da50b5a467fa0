import {
  ASK_PROMISES_AFTER_MS,
  AUTHORITY_MS,
  HEARTBEAT_ATTEMPT_MS,
  HEARTBEAT_PERIOD_MS,
  LARGE_CLUSTER_HEARTBEAT_MS,
  LARGE_CLUSTER_NODES,
  type NodeHeartbeat,
  type NodeMembership,
  PROMISE_PERIOD_MS,
  type TakeoverTerms,
} from '../model/authority.ts';
import { knownNodes } from '../model/cluster-state.ts';
import { keys } from '../model/keys.ts';
import type { NodeName, Revision } from '../model/names.ts';
import { startAuthority, stepAuthority } from '../failover/authority.ts';
import type { AuthorityEffect, AuthorityEvent } from '../failover/authority-types.ts';
import type { Clock } from '../ports/clock.ts';
import type { GuardLink } from '../ports/guard.ts';
import type { Log } from '../ports/log.ts';
import type { LocalNotes } from '../ports/notes.ts';
import type { Peers } from '../ports/peers.ts';
import type { ClusterStore, Transaction, TransactionOutcome } from '../ports/store.ts';
import type { ClusterView } from './cluster-view.ts';

/** `ended`: no HA VM of this node may run now. `back`: they may again. `fenced`: others may have taken them over. */
export type AuthorityChange = 'ended' | 'back' | 'fenced';

/** This node's right to run its highly available VMs. */
export interface Authority {
  holds(): boolean;
  /** Whether the store has lately taken a heartbeat of this node. */
  heardByStore(): boolean;
  /** Called at each change, synchronously; `back` ahead of the guard's learning of the new deadline. */
  subscribe(listener: (change: AuthorityChange) => void): void;
}

export interface AuthorityPorts {
  readonly store: ClusterStore;
  readonly view: ClusterView;
  readonly peers: Peers;
  readonly guard: GuardLink | null;
  readonly notes: LocalNotes;
  readonly clock: Clock;
  readonly log: Log;
}

interface NotedMember {
  readonly addresses: readonly string[];
  readonly peerPort: number;
}

export interface AuthorityInput {
  readonly node: NodeName;
  readonly bootId: string;
  readonly agentId: string;
  /** What the next heartbeat is to say. */
  readonly terms: () => TakeoverTerms;
  /** Nodes to which this one has lately given a promise. */
  readonly promises: () => readonly NodeName[];
  /** Each answer to an own heartbeat, for the voter. */
  readonly onHeartbeat: (applied: boolean) => void;
}

const TERMS_NOTE = 'takeover-terms';
const MEMBERS_NOTE = 'members';
const PROMISE_DEADLINE_MS = 400;
const HEARD_MS = 1500;

/** Carries out what the authority reducer says: heartbeats, promises, the guard's deadline. */
export class NodeAuthority implements Authority {
  readonly #ports: AuthorityPorts;
  readonly #input: AuthorityInput;
  readonly #listeners: ((change: AuthorityChange) => void)[] = [];
  #state: ReturnType<typeof startAuthority>['state'];
  /** undefined: none yet; null: no end. */
  #untilMs: number | null | undefined = undefined;
  #holds = false;
  #told = '';
  #membersNoted = '';
  /** One note after the other: a repeated one must not overwrite a later one. */
  #noting: Promise<void> = Promise.resolve();
  #lastNoteId = 0;
  #heardAtMs = Number.NEGATIVE_INFINITY;
  #cancelWake: () => void = () => undefined;
  #cancelEnd: () => void = () => undefined;

  constructor(ports: AuthorityPorts, input: AuthorityInput) {
    this.#ports = ports;
    this.#input = input;
    const { clock, view } = ports;
    const noted = ports.notes.read(TERMS_NOTE);
    const large = knownNodes(view.current()).length > LARGE_CLUSTER_NODES;
    const started = startAuthority(
      {
        ...{ node: input.node, bootId: input.bootId, agentId: input.agentId },
        firstSequence: Math.floor(clock.wallMs()),
        heartbeatMs: large ? LARGE_CLUSTER_HEARTBEAT_MS : HEARTBEAT_PERIOD_MS,
        attemptMs: HEARTBEAT_ATTEMPT_MS,
        authorityMs: AUTHORITY_MS,
        askAfterMs: ASK_PROMISES_AFTER_MS,
        askEveryMs: PROMISE_PERIOD_MS,
        notedTerms: Array.isArray(noted) ? (noted as TakeoverTerms[]) : null,
        guarded: ports.guard !== null,
      },
      clock.monotonicMs(),
    );
    this.#state = started.state;
    this.#carryOut(started.effects, started.wakeAtMs);
    ports.guard?.subscribe(() => this.#followGuard());
    ports.view.subscribe(() => this.#noteMembers());
    this.#followGuard();
  }

  holds(): boolean {
    if (this.#untilMs === undefined) return false;
    return this.#untilMs === null || this.#ports.clock.monotonicMs() < this.#untilMs;
  }

  heardByStore(): boolean {
    return this.#ports.clock.monotonicMs() - this.#heardAtMs < HEARD_MS;
  }

  subscribe(listener: (change: AuthorityChange) => void): void {
    this.#listeners.push(listener);
  }

  /** Under which fencing token this node is a member; null: it is none. */
  setMembership(token: Revision | null): void {
    this.#step({ kind: 'membership', token });
  }

  /** To be called whenever terms, promises or the guard's figures may have changed. */
  tellTerms(): void {
    const terms = this.#input.terms();
    const more: Pick<NodeHeartbeat, 'guard' | 'promises'> = {
      guard: this.#ports.guard?.status() ? guardFacts(this.#ports.guard) : null,
      promises: this.#input.promises(),
    };
    const told = JSON.stringify([terms, more]);
    if (told === this.#told) return;
    this.#told = told;
    this.#step({ kind: 'terms', terms, more });
  }

  #followGuard(): void {
    const status = this.#ports.guard?.status() ?? null;
    if (status !== null) this.#step({ kind: 'guard-deadline', untilMs: status.authorityUntilMs });
    this.tellTerms();
  }

  #step(event: AuthorityEvent): void {
    const { state, effects, wakeAtMs } = stepAuthority(this.#state, event, this.#ports.clock.monotonicMs());
    this.#state = state;
    this.#carryOut(effects, wakeAtMs);
  }

  #carryOut(effects: readonly AuthorityEffect[], wakeAtMs: number): void {
    const { clock } = this.#ports;
    this.#cancelWake();
    this.#cancelWake = clock.after(Math.max(1, wakeAtMs - clock.monotonicMs()), () => this.#step({ kind: 'tick' }));
    for (const effect of effects) this.#act(effect);
  }

  #act(effect: AuthorityEffect): void {
    switch (effect.kind) {
      case 'note-terms':
        // A repeated one is being tried already, for as long as it takes.
        if (effect.noteId <= this.#lastNoteId) return;
        this.#lastNoteId = effect.noteId;
        this.#noting = this.#noting.then(() => this.#note(effect));
        return;
      case 'heartbeat':
        void this.#beat(effect);
        return;
      case 'ask-promises':
        for (const voter of effect.voters) void this.#ask(voter, effect.round);
        return;
      case 'authority':
        this.#extend(effect.untilMs);
        return;
      case 'renew-token':
        void this.#renew(effect.token);
        return;
      case 'fenced':
        this.#fenced();
        return;
    }
  }

  async #note({ noteId, terms }: Extract<AuthorityEffect, { kind: 'note-terms' }>): Promise<void> {
    for (;;) {
      try {
        await this.#ports.notes.write(TERMS_NOTE, terms);
        break;
      } catch (error) {
        // Without the note no heartbeat goes out, since the old terms need not be true any more; promises have to do until then.
        this.#ports.log.error('The terms of a takeover cannot be noted on disk', { error });
        await this.#ports.clock.sleep(1000);
      }
    }
    this.#step({ kind: 'terms-noted', noteId });
  }

  async #beat({ heartbeat, token, deadlineMs }: Extract<AuthorityEffect, { kind: 'heartbeat' }>): Promise<void> {
    const { clock } = this.#ports;
    const { node } = this.#input;
    const outcome = await this.#transact(
      {
        compare: [{ key: keys.nodeMembership(node), modRevision: token }],
        write: [{ put: keys.nodeHeartbeat(node), value: heartbeat }],
      },
      Math.max(50, deadlineMs - clock.monotonicMs()),
    );
    if (outcome.kind === 'applied') this.#heardAtMs = clock.monotonicMs();
    this.#input.onHeartbeat(outcome.kind === 'applied');
    const { sequence } = heartbeat;
    if (outcome.kind !== 'compare-failed') {
      this.#step({ kind: 'heartbeat-answer', sequence, outcome: outcome.kind });
      return;
    }
    const found = outcome.current.find(({ key }) => key === keys.nodeMembership(node));
    const membership = found?.value as NodeMembership | undefined;
    const ownRenewal = membership?.state === 'member' && membership.bootId === this.#input.bootId;
    if (found === undefined || !ownRenewal) {
      this.#step({ kind: 'heartbeat-answer', sequence, outcome: 'fenced' });
      // While it renews its token the reducer takes no answer for definite; this one is.
      if (this.#state.token === token) this.#step({ kind: 'membership', token: null });
      return;
    }
    // The answer to an own renewal of the token was lost; only this node writes `member` under its boot.
    this.#step({ kind: 'heartbeat-answer', sequence, outcome: 'unknown' });
    // A late answer about an older token says nothing new.
    if (this.#state.token === token) this.#step({ kind: 'membership', token: found.modRevision });
  }

  /** If its own answer is lost, or somebody was faster, the next heartbeat finds that out. */
  async #renew(token: Revision): Promise<void> {
    const { store, view } = this.#ports;
    const key = keys.nodeMembership(this.#input.node);
    const entry = await store.get(key).catch(() => undefined);
    const value = entry?.value as NodeMembership | undefined;
    if (entry?.modRevision !== token || value?.state !== 'member') return;
    const outcome = await this.#transact({ compare: [{ key, modRevision: token }], write: [{ put: key, value }] });
    if (outcome.kind === 'applied') this.#step({ kind: 'membership', token: outcome.revision });
    else if (outcome.kind === 'unknown')
      this.#ports.log.debug('The fencing token may be renewed', { fresh: view.fresh() });
  }

  /** Whatever goes wrong with it, a definite answer it is not. */
  async #transact(transaction: Transaction, deadlineMs?: number): Promise<TransactionOutcome> {
    try {
      return await this.#ports.store.transact(transaction, deadlineMs);
    } catch (error) {
      this.#ports.log.error('A transaction about this node broke', { error });
      return { kind: 'unknown', reason: String(error) };
    }
  }

  async #ask(voter: NodeName, round: number): Promise<void> {
    const { peers, view } = this.#ports;
    const facts = view.current().nodes.get(voter)?.facts?.value ?? this.#notedMembers()[voter];
    if (facts === undefined) return;
    try {
      const peer = peers.peer(voter, facts.addresses, facts.peerPort);
      const { granted } = await peer.call('promise', { bootId: this.#input.bootId }, PROMISE_DEADLINE_MS);
      this.#step({ kind: 'promise', round, voter, granted });
    } catch (error) {
      this.#ports.log.debug('A voter does not answer', { voter, error });
    }
  }

  /** Of an earlier agent of this node: while the store is away nobody else says where the voters are. */
  #notedMembers(): Readonly<Record<NodeName, NotedMember>> {
    return (this.#ports.notes.read(MEMBERS_NOTE) as Record<NodeName, NotedMember> | undefined) ?? {};
  }

  /** Keeps the note current; best effort. */
  #noteMembers(): void {
    const members = knownNodes(this.#ports.view.current()).map(({ facts }): [NodeName, NotedMember] => {
      const { name, addresses, peerPort } = facts.value;
      return [name, { addresses, peerPort }];
    });
    const text = JSON.stringify(members);
    if (members.length === 0 || text === this.#membersNoted) return;
    this.#membersNoted = text;
    this.#ports.notes.write(MEMBERS_NOTE, Object.fromEntries(members)).catch((error: unknown) => {
      this.#ports.log.warn('Where the other members are cannot be noted on disk', { error });
    });
  }

  #extend(untilMs: number | null): void {
    // It may have ended without a timer's having said so: an agent that was held up hears this first.
    if (!this.holds()) this.#change(false);
    this.#untilMs = untilMs;
    this.#checkAtEnd();
    // What stood still is held VM by VM before the guard lets all of them go.
    if (this.holds() && this.#change(true)) this.#ports.guard?.extend(untilMs);
  }

  #checkAtEnd(): void {
    this.#cancelEnd();
    if (this.#untilMs == null) return;
    const endsInMs = this.#untilMs - this.#ports.clock.monotonicMs();
    this.#cancelEnd = this.#ports.clock.after(Math.max(0, Math.ceil(endsInMs)), () => {
      // A timer may come a little early.
      if (this.holds()) this.#checkAtEnd();
      else this.#change(false);
    });
  }

  /** False if somebody could not take it in: then VMs that stand still may not be held one by one, and `back` is told again later. */
  #change(holds: boolean): boolean {
    if (holds === this.#holds) return true;
    this.#holds = holds;
    const taken = this.#tell(holds ? 'back' : 'ended');
    if (holds && !taken) this.#holds = false;
    return taken;
  }

  #fenced(): void {
    this.#untilMs = undefined;
    this.#cancelEnd();
    this.#holds = false;
    this.#ports.guard?.end();
    this.#tell('fenced');
  }

  #tell(change: AuthorityChange): boolean {
    const { log } = this.#ports;
    log.info('Authority', { change });
    let taken = true;
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        log.error('A change of authority was not taken in by all', { change, error });
        taken = false;
      }
    }
    return taken;
  }
}

/** Latency in steps of 10 ms: a heartbeat is no place for a figure that changes all the time. */
function guardFacts(guard: GuardLink): NodeHeartbeat['guard'] {
  const status = guard.status();
  if (status === null) return null;
  const { watchdogMs, latencyMaxMs, frozen } = status;
  return { watchdogMs, frozen, latencyMaxMs: Math.ceil(latencyMaxMs / 10) * 10 };
}
