/** Which pages of a guest's memory are looked at, and what they say about all of it. */
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import type { MemorySample } from '../../ports/hypervisor.ts';

export const PAGE_BYTES = 4096;
/** One in each of as many equal parts of the memory, so that no part is missed. */
const RUNS = 128;
/** Neighbours, because what they have in common makes them smaller when QEMU compresses them together. */
const PAGES_PER_RUN = 8;
/** One packet of QEMU's multifd. */
const PAGES_PER_PACKET = 128;
const ZSTD_LEVEL = 1;

const compress = promisify(zstdCompress);
const ZERO_PAGE = Buffer.alloc(PAGE_BYTES);

export interface Run {
  /** From the beginning of the guest's memory, in bytes; a multiple of the page size. */
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** `random` returns numbers from 0 up to, but not including, 1. */
export function planRuns(memoryBytes: number, random: () => number): readonly Run[] {
  const pages = Math.floor(memoryBytes / PAGE_BYTES);
  const runs = Math.min(RUNS, Math.ceil(pages / PAGES_PER_RUN));
  return Array.from({ length: runs }, (_, index) => {
    const first = Math.floor((index * pages) / runs);
    const end = Math.floor(((index + 1) * pages) / runs);
    const length = Math.min(PAGES_PER_RUN, end - first);
    const page = first + Math.floor(random() * (end - first - length + 1));
    return { offsetBytes: page * PAGE_BYTES, lengthBytes: length * PAGE_BYTES };
  });
}

/** Compresses in the thread pool; here it only compares some megabytes with zero. */
export async function judgeSample(runs: readonly Buffer[], memoryBytes: number): Promise<MemorySample> {
  const pages = runs.flatMap(pagesOf);
  const used = pages.filter((page) => !page.equals(ZERO_PAGE));
  const packets = Array.from({ length: Math.ceil(used.length / PAGES_PER_PACKET) }, (_, index) =>
    Buffer.concat(used.slice(index * PAGES_PER_PACKET, (index + 1) * PAGES_PER_PACKET)),
  );
  let compressedBytes = 0;
  for (const packet of packets) {
    const compressed = await compress(packet, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } });
    compressedBytes += compressed.length;
  }
  const usedBytes = used.length * PAGE_BYTES;
  return {
    usedBytes: pages.length === 0 ? 0 : Math.round((memoryBytes * used.length) / pages.length),
    compressedRatio: usedBytes === 0 ? 1 : Math.min(1, compressedBytes / usedBytes),
  };
}

function pagesOf(run: Buffer): Buffer[] {
  return Array.from({ length: Math.floor(run.length / PAGE_BYTES) }, (_, index) =>
    run.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES),
  );
}
