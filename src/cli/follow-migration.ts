/**
 * Follows one migration to its end, over the live channel of one node and, while that is silent, by asking:
 * the node that serves may be one of the two that the migration is about, and may die of what is watched.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../client/client.ts';
import type { LiveConnection } from '../client/transport.ts';
import type { LiveMessage } from '../contract/live.ts';
import { getMigration, type MigrationView } from '../contract/migrations.ts';
import type { MigrationProgress } from '../migration/migration.ts';
import type { Receipt } from '../migration/receipt.ts';
import { GodwitError } from '../model/errors.ts';

export type Follower = Pick<Client, 'call' | 'live'>;

export interface FollowOptions {
  readonly id: string;
  readonly vm: string;
  /** One for each node; tried in turn. */
  readonly followers: readonly Follower[];
  readonly onProgress: (progress: MigrationProgress) => void;
  /** What is wrong with the watching, in words; empty when nothing is. */
  readonly onNote: (note: string) => void;
  readonly periodMs?: number;
  /** With no answer from any node for this long the command gives up; the migration does not. */
  readonly patienceMs?: number;
}

const POLL_PERIOD_MS = 250;
/** The live channel speaks several times a second while memory is copied; after this silence it is worth asking. */
const SILENCE_MS = 1500;
/** A node that repeats itself for this long may have lost the store: the next one is asked. */
const UNCHANGED_MS = 3000;
const REOPEN_MS = 2000;
/** A node may hear of a new migration later than the one that took the request. */
const UNKNOWN_PATIENCE_MS = 10_000;
const PATIENCE_MS = 60_000;
/** The network gap comes about half a second after the end; whose agent dies in between leaves the receipt without it. */
const COMPLETE_PATIENCE_MS = 4000;

/** Resolves with the receipt. Throws CLUSTER_UNREACHABLE when no node has answered for long. */
export async function followMigration(options: FollowOptions): Promise<Receipt> {
  const watch = new MigrationWatch(options);
  try {
    return await watch.run();
  } finally {
    watch.close();
  }
}

class MigrationWatch {
  readonly #options: FollowOptions;
  readonly #wake = new AbortController();
  #current = 0;
  #live: LiveConnection | null = null;
  #liveOpenedAt = Number.NEGATIVE_INFINITY;
  #heardAt = Number.NEGATIVE_INFINITY;
  #answeredAt = performance.now();
  #changedAt = performance.now();
  #shownMs = -1;
  #lastText = '';
  #receipt: Receipt | null = null;
  /** The receipt as it is written at the end, while the rest is still being measured. */
  #incomplete: { readonly receipt: Receipt; readonly atMs: number } | null = null;

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  async run(): Promise<Receipt> {
    const periodMs = this.#options.periodMs ?? POLL_PERIOD_MS;
    while (this.#receipt === null) {
      this.#keepLive();
      if (this.#incomplete !== null) this.#settle(this.#incomplete);
      if (this.#incomplete !== null || performance.now() - this.#heardAt > SILENCE_MS) await this.#ask();
      if (this.#receipt === null)
        await sleep(periodMs, undefined, { signal: this.#wake.signal }).catch(() => undefined);
    }
    return this.#receipt;
  }

  close(): void {
    this.#closeLive();
  }

  get #follower(): Follower {
    return this.#options.followers[this.#current % this.#options.followers.length] as Follower;
  }

  #keepLive(): void {
    if (this.#live !== null || performance.now() - this.#liveOpenedAt < REOPEN_MS) return;
    this.#liveOpenedAt = performance.now();
    let isMine = true;
    const connection = this.#follower.live({
      onMessage: (message) => {
        if (isMine) this.#hear(message);
      },
      onClose: () => {
        isMine = false;
        if (this.#live === connection) this.#live = null;
        this.#heardAt = Number.NEGATIVE_INFINITY;
      },
    });
    this.#live = connection;
  }

  #closeLive(): void {
    const live = this.#live;
    this.#live = null;
    live?.close();
  }

  #hear(message: LiveMessage): void {
    if ((message.type === 'snapshot' || message.type === 'freshness') && !message.fresh) {
      // What this node knows is old. Another one may know better.
      this.#next('the node that answers has lost the store');
      return;
    }
    const views =
      message.type === 'snapshot' ? message.migrations : message.type === 'migration' ? [message.migration] : [];
    for (const view of views) if (this.#accept(view)) this.#heardAt = performance.now();
  }

  /** Whether it is about this migration. Nodes lag behind each other, so older progress is not shown. */
  #accept(view: MigrationView): boolean {
    const { id, onProgress, onNote } = this.#options;
    if (view.state === 'ended') {
      if (view.receipt.id !== id) return false;
      if (view.receipt.complete) {
        this.#receipt = view.receipt;
        this.#wake.abort();
      } else this.#incomplete ??= { receipt: view.receipt, atMs: performance.now() };
      return true;
    }
    if (view.progress.id !== id) return false;
    this.#answeredAt = performance.now();
    if (view.progress.elapsedMs < this.#shownMs) return true;
    const text = JSON.stringify(view.progress);
    if (text !== this.#lastText) this.#changedAt = performance.now();
    this.#lastText = text;
    this.#shownMs = view.progress.elapsedMs;
    onNote('');
    onProgress(view.progress);
    return true;
  }

  #settle({ receipt, atMs }: { readonly receipt: Receipt; readonly atMs: number }): void {
    if (performance.now() - atMs > COMPLETE_PATIENCE_MS) this.#receipt = receipt;
  }

  async #ask(): Promise<void> {
    try {
      this.#accept(await this.#follower.call(getMigration, { params: { id: this.#options.id } }));
      if (performance.now() - this.#changedAt > UNCHANGED_MS) {
        this.#changedAt = performance.now();
        this.#next(null);
      }
    } catch (error) {
      if (this.#receipt !== null) return;
      this.#judge(error);
      this.#next('the node that answered does not answer any more');
    }
  }

  /** Throws if going on is of no use. */
  #judge(error: unknown): void {
    if (!(error instanceof GodwitError)) throw error;
    const silentMs = performance.now() - this.#answeredAt;
    if (error.code === 'MIGRATION_NOT_FOUND') {
      if (silentMs > UNKNOWN_PATIENCE_MS) throw error;
      return;
    }
    if (error.code === 'NOT_SIGNED_IN' || silentMs > (this.#options.patienceMs ?? PATIENCE_MS)) {
      throw this.#lost(error);
    }
  }

  /** Without a note the change is not worth a word. */
  #next(note: string | null): void {
    this.#current += 1;
    this.#liveOpenedAt = Number.NEGATIVE_INFINITY;
    this.#heardAt = Number.NEGATIVE_INFINITY;
    this.#closeLive();
    if (note !== null) this.#options.onNote(`${note}; the migration does not depend on it`);
  }

  #lost(cause: GodwitError): GodwitError {
    const { id, vm } = this.#options;
    return new GodwitError(
      {
        code: cause.code,
        message: `The migration of ${vm} could not be followed to its end: ${cause.message}`,
        state: 'Unknown: the migration goes on, or is undone, without this command.',
        nextStep: `See what became of it with \`godwit migration show ${id}\`.`,
      },
      cause,
    );
  }
}
