/** Wrong passwords that one address may send in a row, and after how long one more is let through. */
const PER_ADDRESS = { tries: 10, oneMoreAfterMs: 30_000 };
/** All addresses together, but for those from which somebody has signed in already: guessing from many must not lock the administrator out. */
const TOGETHER = { tries: 60, oneMoreAfterMs: 5_000 };
/** Addresses that are remembered; which fails first is forgotten first. */
const ADDRESSES_MAX = 10_000;

interface Bucket {
  readonly left: number;
  readonly atMs: number;
}

/** Says how many wrong passwords are tried. It is asked ahead of each try, so that many at the same time count as well. */
export class SignInLimit {
  readonly #failing = new Map<string, Bucket>();
  readonly #trusted = new Set<string>();
  #together: Bucket = { left: TOGETHER.tries, atMs: 0 };

  /** How long this address has to wait, in milliseconds; 0: it may try, once. `nowMs`: monotonic. */
  waitMs(address: string, nowMs: number): number {
    const source = sourceOf(address);
    const own = waitOf(this.#failing.get(source), PER_ADDRESS, nowMs);
    return own > 0 || this.#trusted.has(source) ? own : waitOf(this.#together, TOGETHER, nowMs);
  }

  /** A try begins: it counts as failed until {@link succeeded} says otherwise. */
  begin(address: string, nowMs: number): void {
    const source = sourceOf(address);
    const next = taken(this.#failing.get(source), PER_ADDRESS, nowMs);
    this.#failing.delete(source);
    this.#failing.set(source, next);
    if (!this.#trusted.has(source)) this.#together = taken(this.#together, TOGETHER, nowMs);
    forgetOldest(this.#failing);
  }

  succeeded(address: string, nowMs: number): void {
    const source = sourceOf(address);
    this.#failing.delete(source);
    if (this.#trusted.has(source)) return;
    this.#trusted.add(source);
    forgetOldest(this.#trusted);
    const { left } = refilled(this.#together, TOGETHER, nowMs);
    this.#together = { left: Math.min(TOGETHER.tries, left + 1), atMs: nowMs };
  }
}

/** Whoever has one IPv6 address has at least all of its /64. */
function sourceOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter((group) => group !== '').length;
  return [...groups, ...Array.from({ length: Math.max(0, missing) }, () => '0')].slice(0, 4).join(':');
}

type Allowance = typeof PER_ADDRESS;

function refilled(bucket: Bucket | undefined, { tries, oneMoreAfterMs }: Allowance, nowMs: number): Bucket {
  if (bucket === undefined) return { left: tries, atMs: nowMs };
  return { left: Math.min(tries, bucket.left + (nowMs - bucket.atMs) / oneMoreAfterMs), atMs: nowMs };
}

function taken(bucket: Bucket | undefined, allowance: Allowance, nowMs: number): Bucket {
  const { left } = refilled(bucket, allowance, nowMs);
  return { left: Math.max(0, left - 1), atMs: nowMs };
}

function waitOf(bucket: Bucket | undefined, allowance: Allowance, nowMs: number): number {
  const { left } = refilled(bucket, allowance, nowMs);
  return left >= 1 ? 0 : Math.ceil((1 - left) * allowance.oneMoreAfterMs);
}

function forgetOldest(known: { readonly size: number; keys(): Iterator<string>; delete(key: string): boolean }): void {
  if (known.size <= ADDRESSES_MAX) return;
  const oldest = known.keys().next();
  if (oldest.done !== true) known.delete(oldest.value);
}
