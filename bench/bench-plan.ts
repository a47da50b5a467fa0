/** What is measured, and in which order. Pure. */

/** `raw`: QEMU alone. The other two: Godwit, guest memory under TLS or in the clear. */
export const VARIANTS = ['raw', 'godwit-tls', 'godwit-plain'] as const;
export type Variant = (typeof VARIANTS)[number];

export interface Scenario {
  readonly name: string;
  /** What the moving guest does to its memory; the other guest always idles. */
  readonly load: { readonly mebibytes: number; readonly mebibytesPerSecond: number } | null;
}

export const SCENARIOS: readonly Scenario[] = [
  { name: 'idle', load: null },
  { name: 'load 16 MiB at 20 MiB/s', load: { mebibytes: 16, mebibytesPerSecond: 20 } },
  { name: 'load 64 MiB at 20 MiB/s', load: { mebibytes: 64, mebibytesPerSecond: 20 } },
];

/** One migration. Milliseconds; null where it was not seen. */
export interface Measurement {
  readonly scenario: string;
  readonly variant: Variant;
  readonly source: string;
  readonly destination: string;
  /** Null: it completed. */
  readonly failure: string | null;
  /** Whether the guest still answers afterwards, as the system it was before. */
  readonly guestSurvived: boolean;
  /** From the call until the end. `raw`: from before the destination's QEMU is started until RESUME. */
  readonly totalMs: number | null;
  /** From the command `migrate` until the end. `raw`: until RESUME; Godwit: until the new owner is recorded. */
  readonly transferMs: number | null;
  /** From the command `migrate` until RESUME, for both. */
  readonly transferToResumeMs: number | null;
  /** Source STOP until destination RESUME. */
  readonly blackoutMs: number | null;
  /** From the call until `migrate`. */
  readonly callToFirstRoundMs: number | null;
  readonly rounds: number | null;
  readonly transferredBytes: number | null;
  /** What the load in the guest reached just before; null without load. */
  readonly loadBytesPerSecond: number | null;
  /** Of this machine, just before. */
  readonly loadAverage: number;
  /** The receipt, or QEMU's own figures. */
  readonly details: unknown;
}

/**
 * The order of one cycle: raw and Godwit alternate, so that whatever else this machine does hits both alike. Godwit's
 * variants change places from cycle to cycle, so that both go in both directions.
 */
export function cycleOrder(cycle: number, variants: readonly Variant[]): Variant[] {
  const godwit = variants.filter((variant) => variant !== 'raw');
  if (cycle % 2 === 1) godwit.reverse();
  return variants.includes('raw') ? ['raw', ...godwit] : godwit;
}
