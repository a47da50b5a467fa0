import type { TransferCompression } from '../model/intent.ts';
import type { VmActivity } from '../model/vm.ts';
import { formatBytes } from '../model/units.ts';

/** One core compresses about this much memory per second with zstd at level 1, in bytes; encryption takes some of it. */
const ZSTD_BYTES_PER_CORE_SECOND = 250e6;
const ZSTD_BYTES_PER_CORE_SECOND_ENCRYPTED = 200e6;
/** Compressed memory goes over as many channels at most. */
const CHANNELS_MAX = 2;
/**
 * Less is not worth it, in milliseconds: besides the processor time, the last pages go through the compression as well, and with two
 * processors a blackout of 25 ms became one of 50 to 100 ms.
 */
const SAVING_MS_MIN = 1500;
const RATIO_MAX = 0.6;
/**
 * Only for who allows the guest to stand still so long, in milliseconds. What QEMU 7.2 counts as sent still lies compressed in the buffers of the sockets
 * when it stops an idle guest after its first round: 360 to 390 ms were measured on 1 Gbit/s, whatever its downtime limit.
 */
const ZSTD_BUDGET_MS_MIN = 500;
/** Above 2 Gbit/s the processors are the bottleneck. */
const ZSTD_LINK_MAX = 250e6;
/** Above 1 Gbit/s looking for differences takes longer than sending whole pages. */
const XBZRLE_LINK_MAX = 125e6;
/** Dirty rate over link rate from which rewritten pages matter. */
const DIRTY_SHARE_MIN = 0.3;

export interface CompressionInput {
  /** null: the guest has not been sampled. */
  readonly activity: VmActivity | null;
  /** What the transfer can use of the link. */
  readonly linkBytesPerSecond: number;
  /** Processors without a guest, on the node that has fewer of them. */
  readonly freeCores: number;
  readonly encrypted: boolean;
  /** Longest blackout that the user allows, in milliseconds. */
  readonly budgetMaxMs: number;
}

export interface CompressionChoice {
  readonly compression: TransferCompression;
  readonly reason: string;
}

/** Raw memory per second that fits through with zstd: the slower of the link and the processors. */
export function compressedRate(
  input: Pick<CompressionInput, 'encrypted' | 'freeCores' | 'linkBytesPerSecond'>,
  compressedRatio: number,
): number {
  const perCore = input.encrypted ? ZSTD_BYTES_PER_CORE_SECOND_ENCRYPTED : ZSTD_BYTES_PER_CORE_SECOND;
  const cores = Math.min(CHANNELS_MAX, Math.max(1, input.freeCores));
  return Math.min(input.linkBytesPerSecond / compressedRatio, perCore * cores);
}

/** One of the two ways at most: QEMU 7.2 accepts both together without a word, newer ones refuse them. */
export function chooseCompression(input: CompressionInput): CompressionChoice {
  const { activity, linkBytesPerSecond: link, freeCores } = input;
  if (activity === null) return { compression: 'none', reason: "the guest's memory has not been sampled yet" };
  const { usedBytes, compressedRatio } = activity;
  const rate = compressedRate(input, compressedRatio);
  const savedMs = (usedBytes / link - usedBytes / rate) * 1000;
  const percent = Math.round(compressedRatio * 100);
  const pays = savedMs >= SAVING_MS_MIN && compressedRatio <= RATIO_MAX && link <= ZSTD_LINK_MAX && freeCores >= 1;
  if (pays && input.budgetMaxMs >= ZSTD_BUDGET_MS_MIN) {
    return {
      compression: 'multifd-zstd',
      reason:
        `${formatBytes(usedBytes)} shrink to ${percent} %, which saves about ${(savedMs / 1000).toFixed(1)} s on a link of ` +
        `${formatBytes(Math.round(link))}/s, and ${freeCores} ${freeCores === 1 ? 'processor is' : 'processors are'} free on both nodes`,
    };
  }
  const share = (activity.dirtyBytesPerSecond ?? 0) / link;
  if (share > DIRTY_SHARE_MIN && link <= XBZRLE_LINK_MAX) {
    return {
      compression: 'xbzrle',
      reason: `the guest rewrites memory at ${Math.round(share * 100)} % of the rate of the link: differences are sent where they are smaller`,
    };
  }
  return { compression: 'none', reason: whyNone({ savedMs, percent, input }) };
}

function whyNone({ savedMs, percent, input }: { savedMs: number; percent: number; input: CompressionInput }): string {
  if (input.linkBytesPerSecond > ZSTD_LINK_MAX) return 'the link is faster than the processors compress';
  if (percent > RATIO_MAX * 100) return `the memory would shrink to ${percent} % only`;
  if (input.freeCores < 1) return 'no processor is free on both nodes';
  if (savedMs >= SAVING_MS_MIN) {
    return `compression would save ${(savedMs / 1000).toFixed(1)} s, but needs a budget of ${ZSTD_BUDGET_MS_MIN} ms`;
  }
  return `compression would save ${Math.max(0, Math.round(savedMs))} ms, too little for the processor time it takes`;
}
