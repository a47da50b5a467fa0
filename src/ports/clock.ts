/** Time. Decisions get it as plain numbers; only effects ask for it. */
export interface Clock {
  /** Wall clock in milliseconds since 1970, with fractions. For receipts and for relating two nodes; never for safety. */
  wallMs(): number;
  /** CLOCK_MONOTONIC in milliseconds, with fractions. */
  monotonicMs(): number;
  sleep(ms: number): Promise<void>;
  /** Calls `run` once after `ms`; the returned function cancels it. */
  after(ms: number, run: () => void): () => void;
  /** Calls `run` every `ms`; the returned function ends it. */
  every(ms: number, run: () => void): () => void;
}

/** Random ids. */
export interface Ids {
  uuid(): string;
  /** Sorts by time: 26 characters, Crockford base 32 (10 of time, 16 random), as ULID. */
  migrationId(): string;
  /** A free locally administered MAC address 52:54:00:xx:xx:xx. */
  macAddress(): string;
}
