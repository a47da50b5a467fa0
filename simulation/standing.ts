import {
  ASK_PROMISES_AFTER_MS,
  AUTHORITY_MS,
  HEARTBEAT_ATTEMPT_MS,
  HEARTBEAT_PERIOD_MS,
  LARGE_CLUSTER_HEARTBEAT_MS,
  LARGE_CLUSTER_NODES,
  type NodeMembership,
  PROMISE_PERIOD_MS,
  type TakeoverTerms,
  VOTER_STEADY_MS,
} from '../src/model/authority.ts';
import { keys } from '../src/model/keys.ts';
import type { NodeName, Revision } from '../src/model/names.ts';
import { WITNESS_TERMS } from '../src/failover/quorum.ts';
import type { AuthorityEffect, AuthorityEvent } from '../src/failover/authority-types.ts';
import type { VoterEffect, VoterEvent } from '../src/failover/voter-types.ts';
import type { GuardStatus } from '../src/ports/guard.ts';
import type { SimulatedAgent } from './agent.ts';
import { cancel, type Timer } from './engine.ts';
import type { Protocol } from './protocol.ts';
import type { Change } from './store-watches.ts';

const TERMS_NOTE = 'takeover-terms';
const VOTES_NOTE = 'votes';
const SHOW_PROMISE_MS = 3000;
const LOOK_EVERY_MS = 1000;

/**
 * A node's authority and its votes about others: interprets the effects of the two reducers as src/agent/node-authority.ts and
 * node-voter.ts do.
 */
export class Standing {
  readonly #agent: SimulatedAgent;
  readonly #protocol: Protocol;
  #authority: ReturnType<Protocol['startAuthority']>['state'];
  #voter: ReturnType<Protocol['startVoter']>['state'];
  #authorityWake: Timer | null = null;
  #voterWake: Timer | null = null;
  #endWake: Timer | null = null;
  /** undefined: none yet; null: no end. */
  untilMs: number | null | undefined = undefined;
  #held = false;
  #heard = false;
  #guard: GuardStatus | null = null;
  #told: { terms: TakeoverTerms; guard: GuardStatus | null; promises: string } | null = null;
  #lastRequest = 0;
  readonly #asked = new Map<number, (granted: boolean, reason: string) => void>();
  readonly #promisedAt = new Map<NodeName, number>();
  readonly #memberships = new Map<NodeName, string>();
  #noted: Readonly<Record<NodeName, Revision>>;
  /** Notes are written one after the other. */
  #noteFreeAt = 0;

  constructor(agent: SimulatedAgent) {
    this.#agent = agent;
    const { machine, world } = agent;
    this.#protocol = world.protocol;
    const noted = machine.notes.get(TERMS_NOTE);
    const large = world.machines.length > LARGE_CLUSTER_NODES;
    this.#guard = machine.guard?.status() ?? null;
    const started = this.#protocol.startAuthority(
      {
        ...{ node: machine.name, bootId: machine.bootId, agentId: agent.id },
        firstSequence: Math.floor(world.engine.now) + 1_000_000 * world.starts,
        heartbeatMs: large ? LARGE_CLUSTER_HEARTBEAT_MS : HEARTBEAT_PERIOD_MS,
        attemptMs: HEARTBEAT_ATTEMPT_MS,
        authorityMs: AUTHORITY_MS,
        askAfterMs: ASK_PROMISES_AFTER_MS,
        askEveryMs: PROMISE_PERIOD_MS,
        notedTerms: Array.isArray(noted) ? (noted as TakeoverTerms[]) : null,
        guarded: machine.options.role === 'node',
      },
      machine.mono(),
    );
    this.#authority = started.state;
    this.#noted = (machine.notes.get(VOTES_NOTE) as Record<NodeName, Revision> | undefined) ?? {};
    const voting = this.#protocol.startVoter(
      { node: machine.name, bootId: machine.bootId, notedVotes: this.#noted, steadyMs: VOTER_STEADY_MS },
      machine.mono(),
    );
    this.#voter = voting.state;
    this.#carryOut(started.effects, started.wakeAtMs);
    this.#carryOutVotes(voting.effects, voting.wakeAtMs);
  }

  begin(): void {
    this.tellTerms();
    this.#every();
  }

  holds(): boolean {
    if (this.untilMs === undefined) return false;
    return this.untilMs === null || this.#agent.machine.mono() < this.untilMs;
  }

  /** Its last heartbeat was committed. */
  heardByStore(): boolean {
    return this.#heard;
  }

  setMembership(token: Revision | null): void {
    this.#step({ kind: 'membership', token });
  }

  waitsForGuard(): boolean {
    return (this.#authority as { guard?: { kind: string } }).guard?.kind !== 'bounded';
  }

  guardSaid(status: GuardStatus | null): void {
    const another = status !== null && status.guardId !== this.#guard?.guardId;
    this.#guard = status;
    // A guard that has just been started learns the newest deadline.
    if (another && this.untilMs !== undefined && this.holds()) this.#tellGuard(this.untilMs);
    if (status !== null) this.#step({ kind: 'guard-deadline', untilMs: status.authorityUntilMs });
    this.tellTerms();
  }

  get guardFrozen(): boolean {
    return this.#guard?.frozen ?? false;
  }

  /** Another node asks; the answer goes back over the network. */
  promise(subject: NodeName, answer: (granted: boolean, reason: string) => void): void {
    this.#lastRequest += 1;
    this.#asked.set(this.#lastRequest, answer);
    this.#vote({ kind: 'promise-asked', subject, requestId: this.#lastRequest });
  }

  /** One batch from the watch: votes are about the other nodes. */
  seen(changes: readonly Change[]): void {
    for (const { key, value, modRevision } of changes) {
      const parts = key.split('/');
      if (parts[2] !== 'nodes') continue;
      const name = parts[3] ?? '';
      if (name === this.#agent.machine.name || this.#agent.world.isWitness(name)) continue;
      if (parts[4] === 'membership') this.#membershipSeen(name, value as { state: 'member' | 'fenced' } | undefined);
      else if (parts[4] === 'heartbeat' && value !== undefined) {
        this.#vote({ kind: 'heartbeat-seen', subject: name, revision: modRevision, heartbeat: value as never });
      }
    }
  }

  #membershipSeen(subject: NodeName, value: { state: 'member' | 'fenced' } | undefined): void {
    const state = value?.state ?? 'gone';
    if (this.#memberships.get(subject) === state) return;
    this.#memberships.set(subject, state);
    this.#vote({ kind: 'membership-seen', subject, state });
  }

  tellTerms(): void {
    const { machine, view } = this.#agent;
    const watchdogMs = this.#guard?.watchdogMs ?? null;
    const armed = view.availability?.value.armed ?? true;
    const promises = this.#promised();
    const told = `${watchdogMs} ${armed} ${this.#guard?.frozen} ${promises.join(',')} ${this.#agent.storeMembers.join(',')}`;
    if (this.#told?.promises === told) return;
    const terms =
      machine.options.role === 'witness'
        ? WITNESS_TERMS
        : this.#protocol.takeoverTerms({
            node: machine.name,
            storeMembers: this.#agent.storeMembers,
            watchdogMs,
            armed,
          });
    this.#told = { terms, guard: this.#guard, promises: told };
    const guard =
      this.#guard === null ? null : { watchdogMs: this.#guard.watchdogMs, latencyMaxMs: 0, frozen: this.#guard.frozen };
    this.#step({ kind: 'terms', terms, more: { guard, promises } });
  }

  #every(): void {
    this.#agent.after(LOOK_EVERY_MS, () => {
      this.tellTerms();
      this.#every();
    });
  }

  #promised(): NodeName[] {
    const since = this.#agent.machine.mono() - SHOW_PROMISE_MS;
    if (this.#promisedAt.size === 0) return [];
    return [...this.#promisedAt].flatMap(([node, at]) => (at >= since ? [node] : [])).sort();
  }

  #step(event: AuthorityEvent): void {
    const { state, effects, wakeAtMs } = this.#protocol.stepAuthority(
      this.#authority,
      event,
      this.#agent.machine.mono(),
    );
    this.#authority = state;
    this.#carryOut(effects, wakeAtMs);
  }

  #carryOut(effects: readonly AuthorityEffect[], wakeAtMs: number): void {
    const { machine } = this.#agent;
    if (this.#authorityWake?.run == null || this.#authorityWake.at > machine.realOf(wakeAtMs)) {
      cancel(this.#authorityWake);
      const at = Math.max(wakeAtMs, machine.mono() + 1);
      this.#authorityWake = machine.timer(machine.agentProcess, at, () => {
        cancel(this.#authorityWake);
        this.#step({ kind: 'tick' });
      });
    }
    for (const effect of effects) this.#act(effect);
  }

  #act(effect: AuthorityEffect): void {
    switch (effect.kind) {
      case 'note-terms': {
        const { noteId, terms } = effect;
        this.#note(TERMS_NOTE, terms, () => this.#step({ kind: 'terms-noted', noteId }));
        return;
      }
      case 'heartbeat':
        this.#beat(effect);
        return;
      case 'ask-promises':
        this.#agent.world.oracle.promisesAsked(this.#agent.machine.name, effect.round, this.#agent.machine.mono());
        for (const voter of effect.voters) this.#ask(voter, effect.round);
        return;
      case 'authority':
        this.#extend(effect.untilMs);
        return;
      case 'renew-token':
        this.#agent.membership.renew(effect.token);
        return;
      case 'fenced':
        this.#fenced();
        return;
    }
  }

  #note(name: string, value: unknown, done: () => void): void {
    const { machine, world } = this.#agent;
    const { now } = world.engine;
    this.#noteFreeAt = Math.max(now, this.#noteFreeAt) + world.random.notes.between(0.5, 6);
    const { agentProcess } = machine;
    world.engine.at(this.#noteFreeAt, () => {
      if (!machine.powered || !agentProcess.alive) return;
      machine.notes.set(name, value);
      agentProcess.deliver(done);
    });
  }

  #beat({ heartbeat, token, deadlineMs }: Extract<AuthorityEffect, { kind: 'heartbeat' }>): void {
    const { machine } = this.#agent;
    const { sequence } = heartbeat;
    this.#agent.world.oracle.heartbeatSent(machine.name, sequence, machine.mono());
    const compare = this.#agent.world.rules.compareToken
      ? [{ key: keys.nodeMembership(machine.name), modRevision: token }]
      : [];
    const write = [{ put: keys.nodeHeartbeat(machine.name), value: heartbeat }];
    this.#agent.transact({ compare, write }, Math.max(50, deadlineMs - machine.mono()), (outcome) => {
      this.#heard = outcome.kind === 'applied';
      this.#vote({ kind: 'own-heartbeat', applied: this.#heard });
      if (outcome.kind !== 'compare-failed') {
        this.#step({ kind: 'heartbeat-answer', sequence, outcome: outcome.kind });
        return;
      }
      const found = outcome.current[0];
      const membership = found?.value as NodeMembership | undefined;
      if (found === undefined || membership?.state !== 'member' || membership.bootId !== machine.bootId) {
        this.#step({ kind: 'heartbeat-answer', sequence, outcome: 'fenced' });
        // While it renews its token the reducer takes no answer for definite; this one is.
        if (this.#authority.token === token) this.#step({ kind: 'membership', token: null });
        return;
      }
      // The answer to an own renewal of the token was lost.
      this.#step({ kind: 'heartbeat-answer', sequence, outcome: 'unknown' });
      if (this.#authority.token === token) this.#step({ kind: 'membership', token: found.modRevision });
    });
  }

  #ask(voter: NodeName, round: number): void {
    const { machine, world } = this.#agent;
    const other = world.machine(voter);
    const { agentProcess } = machine;
    world.network.send(machine.index, other.index, () => {
      other.agentProcess.deliver(() => {
        other.agent?.standing.promise(machine.name, (granted, reason) => {
          if (granted) world.oracle.promiseGiven(machine.name, round, voter);
          if (world.telling) world.promised(machine.name, { by: voter, granted, why: reason });
          world.network.send(other.index, machine.index, () =>
            agentProcess.deliver(() => this.#step({ kind: 'promise', round, voter, granted })),
          );
        });
      });
    });
  }

  #extend(untilMs: number | null): void {
    const { machine, world } = this.#agent;
    const had = this.#held;
    if (untilMs !== null) world.oracle.authorityTaken(machine.name, untilMs);
    this.untilMs = untilMs;
    if (this.holds() && !had) {
      this.#held = true;
      if (world.telling)
        world.tell({ kind: 'authority', node: machine.name, what: this.#agent.proved ? 'back' : 'has' });
      this.#agent.proved = true;
      this.#agent.suspended.onBack();
    }
    if (untilMs !== null && this.#endWake?.run == null) this.#watchEnd(untilMs);
    if (this.holds()) this.#tellGuard(untilMs);
  }

  #tellGuard(untilMs: number | null): void {
    const { guard, guardProcess } = this.#agent.machine;
    if (guard !== null) guardProcess.deliver(() => guard.extend(untilMs));
  }

  #watchEnd(untilMs: number): void {
    const { machine, world } = this.#agent;
    this.#endWake = machine.timer(machine.agentProcess, untilMs, () => {
      this.#endWake = null;
      if (this.untilMs === undefined || this.untilMs === null) return;
      if (this.holds()) return this.#watchEnd(this.untilMs);
      if (!this.#held) return;
      this.#held = false;
      if (world.telling) world.tell({ kind: 'authority', node: machine.name, what: 'ended' });
      this.#agent.suspended.onEnded();
    });
  }

  #fenced(): void {
    const { machine, world } = this.#agent;
    if (world.telling) world.tell({ kind: 'authority', node: machine.name, what: 'fenced' });
    this.untilMs = undefined;
    cancel(this.#endWake);
    this.#held = false;
    const { guard, guardProcess } = machine;
    if (guard !== null) guardProcess.deliver(() => guard.end());
    this.#agent.membership.joinAgain();
  }

  #vote(event: VoterEvent): void {
    const { state, effects, wakeAtMs } = this.#protocol.stepVoter(this.#voter, event, this.#agent.machine.mono());
    this.#voter = state;
    this.#carryOutVotes(effects, wakeAtMs);
  }

  #carryOutVotes(effects: readonly VoterEffect[], wakeAtMs: number): void {
    const { machine } = this.#agent;
    if (Number.isFinite(wakeAtMs) && (this.#voterWake?.run == null || this.#voterWake.at > machine.realOf(wakeAtMs))) {
      cancel(this.#voterWake);
      this.#voterWake = machine.timer(machine.agentProcess, Math.max(wakeAtMs, machine.mono() + 1), () => {
        cancel(this.#voterWake);
        this.#vote({ kind: 'tick' });
      });
    }
    for (const effect of effects) this.#actVote(effect);
  }

  #actVote(effect: VoterEffect): void {
    const { machine } = this.#agent;
    switch (effect.kind) {
      case 'answer-promise':
        if (effect.granted) this.#promisedAt.set(effect.subject, machine.mono());
        this.#asked.get(effect.requestId)?.(effect.granted, effect.reason);
        this.#asked.delete(effect.requestId);
        return;
      case 'note-vote': {
        const { subject, revision } = effect;
        const { [subject]: _, ...others } = this.#noted;
        this.#noted = revision === null ? others : { ...others, [subject]: revision };
        const noted = () => revision !== null && this.#vote({ kind: 'vote-noted', subject, revision });
        this.#note(VOTES_NOTE, this.#noted, noted);
        return;
      }
      case 'write-vote':
        this.#writeVote(effect.subject, effect.revision);
        return;
      case 'delete-vote':
        this.#agent.transact(
          { compare: [], write: [{ delete: keys.vote(effect.subject, machine.name) }] },
          2000,
          () => undefined,
        );
        return;
    }
  }

  #writeVote(subject: NodeName, revision: Revision): void {
    const { machine, world } = this.#agent;
    world.strikes.reached('vote', { actor: machine.name, subject });
    const value = { heartbeatRevision: revision, voterBootId: machine.bootId, at: world.isoNow() };
    const compare = world.rules.compareVote ? [{ key: keys.nodeHeartbeat(subject), modRevision: revision }] : [];
    const write = [{ put: keys.vote(subject, machine.name), value }];
    this.#agent.transact({ compare, write }, 2000, (outcome) => {
      if (outcome.kind === 'applied' && world.telling)
        world.tell({ kind: 'vote', node: machine.name, subject, what: 'votes' });
      this.#vote({ kind: 'vote-answer', subject, revision, outcome: outcome.kind });
    });
  }
}
