import { VOTER_STEADY_MS } from '../model/authority.ts';
import { type ClusterState, knownNodes } from '../model/cluster-state.ts';
import { keys } from '../model/keys.ts';
import type { NodeName, Revision } from '../model/names.ts';
import { isoDate } from '../migration/write-receipt.ts';
import { startVoter, stepVoter } from '../failover/voter.ts';
import type { VoterEffect, VoterEvent } from '../failover/voter-types.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/events.ts';
import type { Log } from '../ports/log.ts';
import type { LocalNotes } from '../ports/notes.ts';
import type { PeerRequests } from '../ports/peers.ts';
import type { ClusterStore, Transaction, TransactionOutcome } from '../ports/store.ts';
import type { ClusterView } from './cluster-view.ts';

export interface VoterPorts {
  readonly store: ClusterStore;
  readonly view: ClusterView;
  readonly notes: LocalNotes;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Log;
}

const VOTES_NOTE = 'votes';
/** How long a promise is shown in this node's heartbeat. */
const SHOW_PROMISE_MS = 3000;

type Promised = PeerRequests['promise']['response'];

/** Carries out what the voter reducer says: promises to other nodes, and votes that they are gone. */
export class NodeVoter {
  readonly #ports: VoterPorts;
  readonly #node: NodeName;
  readonly #bootId: string;
  #state: ReturnType<typeof startVoter>['state'];
  #cancelWake: () => void = () => undefined;
  #lastRequest = 0;
  readonly #asked = new Map<number, (answer: Promised) => void>();
  readonly #seen = new Map<NodeName, Revision>();
  readonly #memberships = new Map<NodeName, string>();
  readonly #promisedAtMs = new Map<NodeName, number>();
  /** As it is to be on disk. */
  #noted: Readonly<Record<NodeName, Revision>>;
  #noteIsDue = false;
  #notesAreWritten = false;
  /** Votes that were told to the cluster: one that is written anew is no news. */
  readonly #saidVotes = new Map<NodeName, Revision>();

  constructor(ports: VoterPorts, { node, bootId }: { readonly node: NodeName; readonly bootId: string }) {
    this.#ports = ports;
    this.#node = node;
    this.#bootId = bootId;
    this.#noted = (ports.notes.read(VOTES_NOTE) as Record<NodeName, Revision> | undefined) ?? {};
    const config = { node, bootId, notedVotes: this.#noted, steadyMs: VOTER_STEADY_MS };
    const started = startVoter(config, ports.clock.monotonicMs());
    this.#state = started.state;
    this.#carryOut(started.effects, started.wakeAtMs);
    ports.view.subscribe((state) => this.#look(state));
    this.#look(ports.view.current());
  }

  /** The request of another node. */
  promise(subject: NodeName): Promise<Promised> {
    this.#lastRequest += 1;
    const requestId = this.#lastRequest;
    const { promise, resolve } = Promise.withResolvers<Promised>();
    this.#asked.set(requestId, resolve);
    this.#step({ kind: 'promise-asked', subject, requestId });
    return promise;
  }

  ownHeartbeat(applied: boolean): void {
    this.#step({ kind: 'own-heartbeat', applied });
  }

  /** To whom promises were given lately, sorted. */
  promised(): readonly NodeName[] {
    const since = this.#ports.clock.monotonicMs() - SHOW_PROMISE_MS;
    return [...this.#promisedAtMs].flatMap(([node, atMs]) => (atMs >= since ? [node] : [])).sort();
  }

  #look(state: ClusterState): void {
    for (const entry of knownNodes(state)) {
      const { name, role } = entry.facts.value;
      if (name === this.#node || role === 'witness') continue;
      const membership = entry.membership?.value.state ?? 'member';
      if (this.#memberships.get(name) !== membership) {
        this.#memberships.set(name, membership);
        this.#step({ kind: 'membership-seen', subject: name, state: membership });
      }
      const { heartbeat } = entry;
      if (heartbeat === null || this.#seen.get(name) === heartbeat.modRevision) continue;
      this.#seen.set(name, heartbeat.modRevision);
      const { modRevision: revision, value } = heartbeat;
      this.#step({ kind: 'heartbeat-seen', subject: name, revision, heartbeat: value });
    }
    for (const name of this.#memberships.keys()) {
      if (state.nodes.has(name)) continue;
      this.#memberships.delete(name);
      this.#seen.delete(name);
      this.#step({ kind: 'membership-seen', subject: name, state: 'gone' });
    }
  }

  #step(event: VoterEvent): void {
    const { state, effects, wakeAtMs } = stepVoter(this.#state, event, this.#ports.clock.monotonicMs());
    this.#state = state;
    this.#carryOut(effects, wakeAtMs);
  }

  #carryOut(effects: readonly VoterEffect[], wakeAtMs: number): void {
    const { clock } = this.#ports;
    this.#cancelWake();
    const inMs = wakeAtMs - clock.monotonicMs();
    if (Number.isFinite(inMs)) {
      this.#cancelWake = clock.after(Math.max(1, inMs), () => this.#step({ kind: 'tick' }));
    }
    for (const effect of effects) this.#act(effect);
  }

  #act(effect: VoterEffect): void {
    switch (effect.kind) {
      case 'answer-promise':
        if (effect.granted) this.#promisedAtMs.set(effect.subject, this.#ports.clock.monotonicMs());
        this.#asked.get(effect.requestId)?.({ granted: effect.granted, reason: effect.reason });
        this.#asked.delete(effect.requestId);
        return;
      case 'note-vote':
        this.#note(effect);
        return;
      case 'write-vote':
        void this.#vote(effect);
        return;
      case 'delete-vote':
        void this.#transact({ compare: [], write: [{ delete: keys.vote(effect.subject, this.#node) }] });
        return;
    }
  }

  #note({ subject, revision }: Extract<VoterEffect, { kind: 'note-vote' }>): void {
    const { [subject]: _, ...others } = this.#noted;
    this.#noted = revision === null ? others : { ...others, [subject]: revision };
    this.#noteIsDue = true;
    if (!this.#notesAreWritten) void this.#writeNotes();
  }

  /** One after the other, always the newest: a note must not overtake a later one. */
  async #writeNotes(): Promise<void> {
    this.#notesAreWritten = true;
    while (this.#noteIsDue) {
      this.#noteIsDue = false;
      const noted = this.#noted;
      try {
        await this.#ports.notes.write(VOTES_NOTE, noted);
      } catch (error) {
        this.#noteIsDue = true;
        this.#ports.log.error('Votes cannot be noted on disk, so none is cast', { noted, error });
        await this.#ports.clock.sleep(1000);
        continue;
      }
      for (const [subject, revision] of Object.entries(noted)) this.#step({ kind: 'vote-noted', subject, revision });
    }
    this.#notesAreWritten = false;
  }

  async #vote({ subject, revision }: Extract<VoterEffect, { kind: 'write-vote' }>): Promise<void> {
    const value = { heartbeatRevision: revision, voterBootId: this.#bootId, at: isoDate(this.#ports.clock.wallMs()) };
    const { kind } = await this.#transact({
      compare: [{ key: keys.nodeHeartbeat(subject), modRevision: revision }],
      write: [{ put: keys.vote(subject, this.#node), value }],
    });
    if (kind === 'applied' && this.#saidVotes.get(subject) !== revision) {
      this.#saidVotes.set(subject, revision);
      this.#ports.events.say({
        ...{ kind: 'voted', critical: false, node: subject, vm: null },
        text: `${this.#node} votes that ${subject} is gone.`,
        reason: 'It has not been heard for its takeover time.',
      });
    }
    this.#step({ kind: 'vote-answer', subject, revision, outcome: kind });
  }

  /** Whatever goes wrong with it: it may have been applied. */
  async #transact(transaction: Transaction): Promise<TransactionOutcome> {
    try {
      return await this.#ports.store.transact(transaction);
    } catch (error) {
      this.#ports.log.error('A transaction about a vote broke', { error });
      return { kind: 'unknown', reason: String(error) };
    }
  }
}
