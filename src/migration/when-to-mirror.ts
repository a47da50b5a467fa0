/**
 * When the copying of a guest's frames to the destination begins and ends. It must be there before the guest stops, which QEMU
 * decides within a millisecond of a round's end; but it doubles what the guest receives, so not for longer than needed. Pure.
 */
import { ASSUMED_LINK_BYTES_PER_SECOND } from '../model/units.ts';

/** With this long to the end of a round or less, in milliseconds: several times the time between two looks, and the time to set it up. */
const AHEAD_MS = 1000;
/** A round that takes longer than this is not followed by a switchover soon. */
const FAR_MS = 3000;
/** So much of what is expected to be sent in the first round may turn out to be zero or free. */
const SURE_SHARE = 0.6;

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
  const isFirst = sight.round <= 1;
  const measured = sight.bandwidthBytesPerSecond;
  // A slower start says nothing about the rest of a round.
  const rate = isFirst || measured <= 0 ? Math.max(measured, ASSUMED_LINK_BYTES_PER_SECOND) : measured;
  // Without a sample of the memory anything that is left in the first round may be zero.
  const sureBytes = (sight.firstRoundBytes ?? 0) * SURE_SHARE;
  const leftBytes = isFirst
    ? Math.min(sight.remainingBytes, Math.max(0, sureBytes - sight.transferredBytes))
    : sight.remainingBytes;
  return (leftBytes / rate) * 1000;
}

export function whenToMirror(sight: TransferSight): MirrorWish {
  const endMs = earliestEndMs(sight);
  if (endMs <= AHEAD_MS) return 'on';
  return endMs > FAR_MS ? 'off' : 'as-it-is';
}
