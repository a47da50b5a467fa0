/** What is measured, and in which order. Pure. */
import type { ClientFigures, ClientMode } from './client/figures.ts';

/** `raw`: QEMU alone. The other two: Godwit, guest memory under TLS or in the clear. */
export const VARIANTS = ['raw', 'godwit-tls', 'godwit-plain'] as const;
export type Variant = (typeof VARIANTS)[number];
const GODWIT_VARIANTS: readonly Variant[] = ['godwit-tls', 'godwit-plain'];

/** What the tables and the criteria ask for. */
export type ScenarioKind = 'compare' | 'budget' | 'no-convergence';

export interface Scenario {
  readonly name: string;
  readonly kind: ScenarioKind;
  /** Of both guests, in MiB. */
  readonly memoryMebibytes: number;
  /** What the moving guest does to its memory; the other guest always idles. */
  readonly load: { readonly mebibytes: number; readonly mebibytesPerSecond: number } | null;
  /** Memory that both guests fill once, before the first run. */
  readonly fill: { readonly mebibytes: number; readonly content: 'random' | 'text' } | null;
  readonly client: ClientMode;
  /** In milliseconds; null: the VM's own. */
  readonly budgetMs: number | null;
  readonly variants: readonly Variant[];
  /** However many are asked for. */
  readonly runsMax: number;
}

const COMPARED = {
  kind: 'compare',
  memoryMebibytes: 256,
  load: null,
  fill: null,
  client: 'ping-pong',
  budgetMs: null,
  variants: VARIANTS,
  runsMax: Number.POSITIVE_INFINITY,
} as const;
const FILLED = { ...COMPARED, memoryMebibytes: 512 } as const;
const LOAD_16 = { mebibytes: 16, mebibytesPerSecond: 20 } as const;

export const IDLE: Scenario = { ...COMPARED, name: 'idle' };
export const IDLE_UDP: Scenario = { ...COMPARED, name: 'idle, UDP', client: 'udp' };
export const IDLE_UPLOAD: Scenario = { ...COMPARED, name: 'idle, upload', client: 'upload' };
export const LOADED_16: Scenario = { ...COMPARED, name: 'load 16 MiB at 20 MiB/s', load: LOAD_16 };
export const LOADED_64: Scenario = {
  ...COMPARED,
  name: 'load 64 MiB at 20 MiB/s',
  load: { mebibytes: 64, mebibytesPerSecond: 20 },
};
export const FILLED_RANDOM: Scenario = {
  ...FILLED,
  name: '512 MiB, 300 MiB random',
  fill: { mebibytes: 300, content: 'random' },
};
export const FILLED_TEXT: Scenario = {
  ...FILLED,
  name: '512 MiB, 300 MiB text',
  fill: { mebibytes: 300, content: 'text' },
};
const BUDGET = { ...COMPARED, kind: 'budget', budgetMs: 30, variants: GODWIT_VARIANTS } as const;
export const NO_CONVERGENCE: Scenario = {
  ...FILLED,
  kind: 'no-convergence',
  name: 'load 256 MiB, does not converge',
  // More than any guest reaches: at full speed.
  load: { mebibytes: 256, mebibytesPerSecond: 4000 },
  // QEMU alone would go on until the bench gives up.
  variants: GODWIT_VARIANTS,
  // Whether it ends well is not a matter of many.
  runsMax: 3,
};

/** Those with the same memory beside each other: another size takes new guests. */
export const SCENARIOS: readonly Scenario[] = [
  IDLE,
  IDLE_UDP,
  IDLE_UPLOAD,
  LOADED_16,
  LOADED_64,
  { ...BUDGET, name: 'idle, budget 30 ms' },
  { ...BUDGET, name: 'load 16 MiB, budget 30 ms', load: LOAD_16 },
  FILLED_RANDOM,
  FILLED_TEXT,
  NO_CONVERGENCE,
];

/** Of one run, on the client machine and on the client network's wires: the differences between after and before. */
export interface WireFigures {
  readonly tcpTimeouts: number;
  /** Sent instead of a timeout when the last segment of a connection is not acknowledged: takes as long. */
  readonly tcpLossProbes: number;
  readonly tcpRetransmits: number;
  /** That the client sent. */
  readonly clientFrames: number;
  /** That came into the switch from all machines together. */
  readonly wireFrames: number;
}

/** What one migration was by its own account: the receipt's, or QEMU's. Milliseconds; null where it was not seen. */
export interface Figures {
  readonly source: string;
  readonly destination: string;
  /** Null: it completed. */
  readonly failure: string | null;
  /** Where the guest is afterwards. */
  readonly ownerAfter: string | null;
  /** Since 1970. */
  readonly calledAtMs: number;
  readonly stoppedAtMs: number | null;
  readonly resumedAtMs: number | null;
  /** From the call until the end, whatever end. `raw`: from before the destination's QEMU is started until RESUME. */
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
  /** Godwit only, here and below. */
  readonly firstRoundBytesPerSecond: number | null;
  readonly forecastTotalMs: number | null;
  readonly budgetMs: number | null;
  /** Above `budgetMs` only if the user allowed it. */
  readonly budgetUsedMs: number | null;
  /** The receipt, or QEMU's own figures. */
  readonly details: unknown;
}

/** One migration with all that was seen of it. */
export interface Measurement extends Figures {
  /** Of the lab: "1gbit", "none". */
  readonly link: string;
  readonly scenario: string;
  readonly variant: Variant;
  /** Whether the guest still answers afterwards, as the system it was before. */
  readonly guestSurvived: boolean;
  /** Null: the client could not do its part. */
  readonly client: ClientFigures | null;
  readonly wire: WireFigures;
  /** What the load in the guest reached just before; null without load. */
  readonly loadBytesPerSecond: number | null;
  /** Of this machine, just before. */
  readonly loadAverage: number;
}

/** What the lab's links and guests can do while nothing moves. */
export interface LinkFigures {
  readonly link: string;
  /** Between two nodes, on the cluster network. */
  readonly bytesPerSecond: number;
  readonly measuredWith: 'iperf3' | 'plain TCP stream';
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
