import type { NodeName, VmName } from './names.ts';

/** Between two samples of a node's load. */
export const LOAD_SAMPLE_PERIOD_MS = 2000;

/** How busy a node was since the sample before. */
export interface NodeLoadSample {
  /** Wall clock, in milliseconds. */
  readonly atMs: number;
  /** 0 to 100, of all CPUs that the node may use. */
  readonly cpuPercent: number;
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
  readonly receivedBytesPerSecond: number;
  readonly sentBytesPerSecond: number;
}

/** The samples since the record before. Key `/godwit-load/<node>`; best effort: what nobody has heard is lost. */
export interface LoadRecord {
  readonly node: NodeName;
  /** Oldest first; each as the values of {@link NodeLoadSample} in that order. */
  readonly samples: readonly (readonly number[])[];
  /** By VM that runs there: 100 is all of its virtual CPUs. */
  readonly vms: Readonly<Record<VmName, number>>;
}

/** Small: it is written often. */
export function packSample(sample: NodeLoadSample): number[] {
  const { atMs, cpuPercent, memoryUsedBytes, memoryTotalBytes, receivedBytesPerSecond, sentBytesPerSecond } = sample;
  return [
    Math.round(atMs),
    Math.round(cpuPercent * 10) / 10,
    memoryUsedBytes,
    memoryTotalBytes,
    Math.round(receivedBytesPerSecond),
    Math.round(sentBytesPerSecond),
  ];
}

/** Null for what another version has packed differently. */
export function unpackSample(packed: readonly number[]): NodeLoadSample | null {
  const [atMs, cpuPercent, memoryUsedBytes, memoryTotalBytes, receivedBytesPerSecond, sentBytesPerSecond] = packed;
  if (atMs === undefined || cpuPercent === undefined || memoryUsedBytes === undefined) return null;
  if (memoryTotalBytes === undefined || receivedBytesPerSecond === undefined || sentBytesPerSecond === undefined) {
    return null;
  }
  return { atMs, cpuPercent, memoryUsedBytes, memoryTotalBytes, receivedBytesPerSecond, sentBytesPerSecond };
}
