import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { SESSIONS_PREFIX, sessionKey } from '../model/keys.ts';
import type { Revision } from '../model/names.ts';
import type { SessionRecord } from '../model/session.ts';
import type { Clock } from '../ports/clock.ts';
import type { ClusterStore, Write } from '../ports/store.ts';
import type { ApiContext } from './context.ts';

export const SESSION_IDLE_MS = 8 * 3600_000;
export const SESSION_MAX_MS = 24 * 3600_000;
/** How old `usedAt` in the store may become. */
const USE_NOTED_MS = 10 * 60_000;
/** More than this many are not kept: the one that was not used for longest ends. */
const SESSIONS_MAX = 200;
/** Sessions that this node has not heard of are looked up in the store at most so often in a second. */
const LOOK_UPS_PER_SECOND = 20;
const LOOK_UP_MS = 1000;
/** An agent that has just been started hears of them within this time. */
const FILL_WAIT_MS = 1500;
/** The store takes no larger transactions. */
const WRITES_MAX = 100;

/** A session that lives. */
export interface Session {
  readonly id: string;
  readonly record: SessionRecord;
  /** Whether the other nodes know it. */
  readonly everywhere: boolean;
}

/** What only the page has; the secrets are made from one another, in this order, so none needs to be stored. */
export interface SessionSecrets {
  /** The cookie's; null for one who came with the relay. */
  readonly cookie: string | null;
  readonly relay: string;
  readonly csrf: string;
}

export interface OpenedSession {
  readonly session: Session;
  readonly secrets: SessionSecrets;
}

interface Known {
  readonly record: SessionRecord;
  readonly modRevision: Revision;
}

/**
 * The sessions of the cluster. This node has a copy of all of them, kept current by one watch: a request costs the store nothing,
 * pages read on while it is silent, and a session that was ended elsewhere is over here at once.
 */
export class Sessions {
  readonly #store: ClusterStore;
  readonly #clock: Clock;
  readonly #credentialHash: string;
  readonly #endWatch: () => void;
  #known = new Map<string, Known>();
  /** Made while the store was silent. */
  readonly #onlyHere = new Map<string, SessionRecord>();
  /** Ended here; by id, until when the store may still have it. */
  readonly #ended = new Map<string, number>();
  /** Wall time of the last use seen here. */
  readonly #usedAtMs = new Map<string, number>();
  readonly #noting = new Set<string>();
  #lookUps = { since: 0, count: 0 };
  #fresh = false;
  readonly #filled: Promise<void>;

  constructor({ store, clock, config }: Pick<ApiContext, 'store' | 'clock' | 'config'>) {
    const { user, passwordHash } = config.administrator;
    this.#store = store;
    this.#clock = clock;
    this.#credentialHash = hashOf(`${user}:${passwordHash}`);
    let fill = () => {};
    this.#filled = new Promise((resolve) => {
      fill = resolve;
    });
    const watch = store.watch(SESSIONS_PREFIX, {
      snapshot: (entries) => {
        fill();
        this.#known = new Map();
        this.#fresh = true;
        for (const { key, value, modRevision } of entries) this.#hear(key, value, modRevision);
      },
      changes: (entries) => {
        for (const { key, value, modRevision } of entries) this.#hear(key, value, modRevision);
      },
      silence: (silent) => {
        this.#fresh = !silent;
      },
    });
    this.#endWatch = () => watch.close();
  }

  close(): void {
    this.#endWatch();
  }

  /** Never fails: without the store it is a session of this node only. */
  async open(user: string): Promise<OpenedSession> {
    const cookie = randomBytes(32).toString('base64url');
    const id = hashOf(cookie);
    const secrets = secretsOf(id, cookie);
    const nowMs = this.#clock.wallMs();
    const at = new Date(nowMs).toISOString();
    const record: SessionRecord = {
      ...{ user, createdAt: at, usedAt: at },
      expiresAt: new Date(nowMs + SESSION_MAX_MS).toISOString(),
      ...{ relayHash: hashOf(relaySecretOf(cookie)), credentialHash: this.#credentialHash },
    };
    const removed = this.#superfluous().map((old): Write => ({ delete: sessionKey(old) }));
    const outcome = await this.#store.transact({
      compare: [{ key: sessionKey(id), modRevision: '0' }],
      write: [{ put: sessionKey(id), value: record }, ...removed.slice(0, WRITES_MAX)],
    });
    const everywhere = outcome.kind === 'applied';
    if (!everywhere) this.#onlyHere.set(id, record);
    // The watch brings it any moment, or has brought it already.
    else if (!this.#known.has(id)) this.#known.set(id, { record, modRevision: outcome.revision });
    this.#usedAtMs.set(id, nowMs);
    return { session: { id, record, everywhere }, secrets };
  }

  /** By the secret in the cookie. */
  async byCookie(cookie: string): Promise<OpenedSession | null> {
    if (!SECRET.test(cookie)) return null;
    const id = hashOf(cookie);
    const session = await this.#use(id);
    return session === null ? null : { session, secrets: secretsOf(id, cookie) };
  }

  /** By the relay that the page shows to nodes that have set no cookie. */
  async byRelay(relay: string): Promise<OpenedSession | null> {
    const [id = '', secret = ''] = relay.split('.');
    if (!ID.test(id) || !SECRET.test(secret)) return null;
    const session = await this.#use(id);
    if (session === null || !sameText(hashOf(secret), session.record.relayHash)) return null;
    return { session, secrets: { cookie: null, relay, csrf: csrfOf(secret) } };
  }

  /** Whether it has not ended yet, as far as this node knows. Is no use of it. */
  lives(id: string): boolean {
    const record = this.#onlyHere.get(id) ?? this.#known.get(id)?.record;
    return record !== undefined && this.#isGood(id, record);
  }

  /** Resolves with whether the store has deleted it too; here it is over in any case. */
  async end(id: string): Promise<boolean> {
    this.#ended.set(id, this.#clock.wallMs() + SESSION_MAX_MS);
    this.#onlyHere.delete(id);
    this.#known.delete(id);
    const outcome = await this.#store.transact({ compare: [], write: [{ delete: sessionKey(id) }] });
    return outcome.kind === 'applied';
  }

  async #use(id: string): Promise<Session | null> {
    const local = this.#onlyHere.get(id);
    const known = local === undefined ? (this.#known.get(id) ?? (await this.#lookUp(id))) : null;
    const record = local ?? known?.record;
    if (record === undefined || !this.#isGood(id, record)) return null;
    const nowMs = this.#clock.wallMs();
    this.#usedAtMs.set(id, nowMs);
    if (known !== null && known !== undefined && nowMs - Date.parse(record.usedAt) > USE_NOTED_MS) {
      void this.#noteUse(id, known);
    }
    return { id, record, everywhere: local === undefined };
  }

  /**
   * It may have been made on another node a moment ago. Throws STORE_UNAVAILABLE where that cannot be known: "not signed in" would make
   * a page give up its session, and this node may just have been started.
   */
  async #lookUp(id: string): Promise<Known | undefined> {
    if (this.#ended.has(id)) return undefined;
    if (!this.#fresh) await Promise.race([this.#filled, this.#clock.sleep(FILL_WAIT_MS)]);
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    if (!this.#fresh) throw cannotKnow();
    const second = Math.floor(this.#clock.monotonicMs() / 1000);
    if (this.#lookUps.since !== second) this.#lookUps = { since: second, count: 0 };
    this.#lookUps.count += 1;
    if (this.#lookUps.count > LOOK_UPS_PER_SECOND) return undefined;
    const entry = await this.#store.get(sessionKey(id), LOOK_UP_MS);
    return entry === undefined ? undefined : { record: entry.value as SessionRecord, modRevision: entry.modRevision };
  }

  /** Beside what it was: one that was ended in between does not come back. */
  async #noteUse(id: string, { record, modRevision }: Known): Promise<void> {
    if (!this.#fresh || this.#noting.has(id)) return;
    this.#noting.add(id);
    const value: SessionRecord = { ...record, usedAt: new Date(this.#clock.wallMs()).toISOString() };
    await this.#store.transact({
      compare: [{ key: sessionKey(id), modRevision }],
      write: [{ put: sessionKey(id), value }],
    });
    this.#noting.delete(id);
  }

  /** One whose password is another than this node's is let be: where the configurations differ, the other one may be the newer. */
  #isGood(id: string, record: SessionRecord): boolean {
    return record.credentialHash === this.#credentialHash && this.#isAlive(id, record);
  }

  #isAlive(id: string, record: SessionRecord): boolean {
    if (this.#ended.has(id)) return false;
    const nowMs = this.#clock.wallMs();
    const usedAtMs = Math.max(Date.parse(record.usedAt), this.#usedAtMs.get(id) ?? 0);
    return nowMs < Date.parse(record.expiresAt) && nowMs - usedAtMs < SESSION_IDLE_MS;
  }

  /** Those that are over, and the least used ones beyond the number that is kept. */
  #superfluous(): string[] {
    const nowMs = this.#clock.wallMs();
    for (const [id, untilMs] of this.#ended) if (untilMs < nowMs) this.#ended.delete(id);
    for (const [id, record] of this.#onlyHere) if (!this.#isAlive(id, record)) this.#onlyHere.delete(id);
    for (const id of this.#usedAtMs.keys()) if (!this.lives(id)) this.#usedAtMs.delete(id);
    const [dead, living]: [string[], string[]] = [[], []];
    for (const [id, { record }] of this.#known) (this.#isAlive(id, record) ? living : dead).push(id);
    const usedAt = (id: string) =>
      Math.max(this.#usedAtMs.get(id) ?? 0, Date.parse(this.#known.get(id)?.record.usedAt ?? ''));
    living.sort((a, b) => usedAt(b) - usedAt(a));
    return [...dead, ...living.slice(SESSIONS_MAX - 1)];
  }

  #hear(key: string, value: unknown, modRevision: Revision): void {
    this.#fresh = true;
    const id = key.slice(SESSIONS_PREFIX.length);
    if (value === undefined) this.#known.delete(id);
    else this.#known.set(id, { record: value as SessionRecord, modRevision });
    if (value !== undefined) this.#onlyHere.delete(id);
  }
}

function cannotKnow(): GodwitError {
  return new GodwitError({
    code: 'STORE_UNAVAILABLE',
    message: 'This node does not hear the cluster database, so it does not know whether this session lives.',
    state: NOTHING_CHANGED,
    nextStep: 'Use another node, or try again in some seconds.',
  });
}

const SECRET = /^[A-Za-z0-9_-]{43}$/;
const ID = /^[0-9a-f]{64}$/;

function secretsOf(id: string, cookie: string): SessionSecrets {
  const relaySecret = relaySecretOf(cookie);
  return { cookie, relay: `${id}.${relaySecret}`, csrf: csrfOf(relaySecret) };
}

function relaySecretOf(cookie: string): string {
  return createHmac('sha256', cookie).update('godwit relay').digest('base64url');
}

function csrfOf(relaySecret: string): string {
  return createHmac('sha256', relaySecret).update('godwit csrf').digest('base64url');
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Takes as long for texts that are almost the same as for others. */
export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(hashOf(a), 'hex'), Buffer.from(hashOf(b), 'hex'));
}
