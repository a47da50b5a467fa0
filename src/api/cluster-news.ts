import type { ClusterReader } from '../model/cluster-state.ts';
import type { Clock } from '../ports/clock.ts';
import type { ClusterStore, StoreMember } from '../ports/store.ts';
import { clusterView, shownNow } from './views.ts';

const LOOK_PERIOD_MS = 1000;
const ASK_MEMBERS_EVERY_MS = 2000;
/** Of one CPU: what is looked at takes longer in a large cluster, so it is looked at less often there. */
const SHARE_OF_TIME = 0.05;
/** A view that is longer goes out less often. */
const CHARACTERS_PER_MS = 50;

export interface ClusterNewsContext {
  readonly reader: ClusterReader;
  readonly store: Pick<ClusterStore, 'members'>;
  readonly clock: Clock;
  readonly clusterName: string;
}

/** The cluster at a glance, as JSON, whenever it has changed. Works only between {@link start} and its end. */
export class ClusterNews {
  readonly #context: ClusterNewsContext;
  readonly #say: (json: string) => void;
  #members: readonly StoreMember[] | null = null;
  #asking = false;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #nextAtMs = Number.NEGATIVE_INFINITY;
  #json: string | null = null;
  #running = false;

  constructor(context: ClusterNewsContext, say: (json: string) => void) {
    this.#context = context;
    this.#say = say;
  }

  /** As said last; null: nothing yet. */
  json(): string | null {
    return this.#json;
  }

  start(): () => void {
    this.#running = true;
    this.#json = null;
    this.#nextAtMs = Number.NEGATIVE_INFINITY;
    this.#tick();
    const stop = this.#context.clock.every(LOOK_PERIOD_MS, () => this.#tick());
    return () => {
      this.#running = false;
      stop();
    };
  }

  #tick(): void {
    const nowMs = this.#context.clock.monotonicMs();
    if (!this.#asking && nowMs - this.#askedAtMs >= ASK_MEMBERS_EVERY_MS) void this.#askMembers(nowMs);
    this.#look();
  }

  async #askMembers(nowMs: number): Promise<void> {
    this.#asking = true;
    this.#askedAtMs = nowMs;
    try {
      this.#members = await this.#context.store.members();
    } catch {
      // What they said last stays; that the store is silent is said elsewhere.
    }
    this.#asking = false;
    if (this.#running && this.#json === null) this.#look();
  }

  #look(): void {
    const { reader, clock, clusterName } = this.#context;
    const beganMs = clock.monotonicMs();
    if (this.#members === null || beganMs < this.#nextAtMs) return;
    const more = { name: clusterName, members: this.#members, fresh: reader.fresh() };
    const json = JSON.stringify(clusterView(shownNow(reader), more));
    const tookMs = clock.monotonicMs() - beganMs;
    const changed = json !== this.#json;
    const sendingMs = changed ? json.length / CHARACTERS_PER_MS : 0;
    this.#nextAtMs = beganMs + Math.max(LOOK_PERIOD_MS / 2, tookMs / SHARE_OF_TIME, sendingMs);
    this.#json = json;
    if (changed) this.#say(json);
  }
}
