/**
 * When the copying of a guest's frames to the destination begins and ends. It must be there before the guest stops, which QEMU
 * decides within a millisecond of a round's end; but it doubles what the guest receives, so not for longer than needed. Pure.
 */

/** With this long to the end of a round or less, in milliseconds: twice the time between two looks, and the time to set it up. */
const AHEAD_MS = 800;
/** A round that takes longer than this is not followed by a switchover soon. */
const FAR_MS = 3000;
/** Assumed until QEMU has measured its own rate: 1 Gbit/s, in bytes per second. */
const ASSUMED_BYTES_PER_SECOND = 117e6;

export interface TransferSight {
  /** Rounds begun, from 1. */
  readonly round: number;
  /** By QEMU's count: pages that are zero are among it, although they cost nothing. */
  readonly remainingBytes: number;
  readonly transferredBytes: number;
  /** 0 while it is not known. */
  readonly bandwidthBytesPerSecond: number;
  /** What the first round is expected to send; null if nobody knows. */
  readonly firstRoundBytes: number | null;
}

export type MirrorWish = 'on' | 'off' | 'as-it-is';

/** Time to the end of the current round at the earliest, in milliseconds. */
export function earliestEndMs(sight: TransferSight): number {
  const rate = sight.bandwidthBytesPerSecond > 0 ? sight.bandwidthBytesPerSecond : ASSUMED_BYTES_PER_SECOND;
  // Without a sample of the memory anything that is left in the first round may be zero.
  const known = sight.firstRoundBytes ?? 0;
  const leftBytes =
    sight.round > 1
      ? sight.remainingBytes
      : Math.min(sight.remainingBytes, Math.max(0, known - sight.transferredBytes));
  return (leftBytes / rate) * 1000;
}

export function whenToMirror(sight: TransferSight): MirrorWish {
  const endMs = earliestEndMs(sight);
  if (endMs <= AHEAD_MS) return 'on';
  return endMs > FAR_MS ? 'off' : 'as-it-is';
}
