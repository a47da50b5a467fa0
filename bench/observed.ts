/** What the measurements mean for a client: from single runs to the values that tables and criteria show. Pure. */
import type { Measurement } from './bench-plan.ts';
import { longestGapWithin } from './client/gaps.ts';
import { median } from './statistics.ts';
import { type UploadCourse, uploadCourse } from './upload-course.ts';

/** What follows the RESUME still belongs to the migration for this long. */
const AFTERMATH_MS = 1000;
const UDP_PACKETS_PER_SECOND = 500;

type NumberIn = {
  [Key in keyof Measurement]: Measurement[Key] extends number | null ? Key : never;
}[keyof Measurement];

export function completedOnes(measurements: readonly Measurement[]): Measurement[] {
  return measurements.filter((one) => one.failure === null);
}

/** Of the completed ones, where it was measured. */
export function valuesOf(measurements: readonly Measurement[], column: NumberIn): number[] {
  return completedOnes(measurements).flatMap((one) => one[column] ?? []);
}

export function medianOf(measurements: readonly Measurement[], column: NumberIn): number | null {
  return median(valuesOf(measurements, column));
}

/**
 * The longest time in which the client saw nothing, from the call on, in milliseconds. Without a RESUME: until the end,
 * if the guest stayed where it was.
 */
export function networkGapMs({ client, calledAtMs, resumedAtMs, failure, totalMs }: Measurement): number | null {
  const failedAtMs = failure === null || totalMs === null ? null : calledAtMs + totalMs;
  const endedAtMs = resumedAtMs ?? failedAtMs;
  if (client === null || endedAtMs === null) return null;
  return longestGapWithin(client.gaps, calledAtMs, endedAtMs + AFTERMATH_MS);
}

/** The same, of the time around STOP and RESUME alone. */
function switchoverGapMs({ client, stoppedAtMs, resumedAtMs }: Measurement): number | null {
  if (client === null || stoppedAtMs === null || resumedAtMs === null) return null;
  return longestGapWithin(client.gaps, stoppedAtMs, resumedAtMs);
}

/** `whole`: of the migration from the call on; `switchover`: of the time around STOP and RESUME alone. */
export type GapKind = 'whole' | 'switchover';

export function networkGaps(measurements: readonly Measurement[], kind: GapKind): number[] {
  const gapOf = kind === 'whole' ? networkGapMs : switchoverGapMs;
  return completedOnes(measurements).flatMap((one) => gapOf(one) ?? []);
}

/** How much longer than the blackout; of each single run. */
export function gapsBeyondBlackout(measurements: readonly Measurement[], kind: GapKind): number[] {
  return completedOnes(measurements).flatMap((one) =>
    one.blackoutMs === null ? [] : networkGaps([one], kind).map((gapMs) => gapMs - (one.blackoutMs ?? 0)),
  );
}

/** Frames that entered the switch, per frame that the client sent: a loop or a storm would make it large. */
export function framesPerClientFrame({ wire }: Measurement): number | null {
  return wire.clientFrames === 0 ? null : wire.wireFrames / wire.clientFrames;
}

export interface UdpCourse {
  readonly sent: number;
  readonly lostToGuest: number;
  readonly lostFromGuest: number;
  /** At the guest and at the client together. */
  readonly duplicates: number;
  /** Of the packets of both directions between the call and the end of the migration. */
  readonly duplicateShare: number | null;
  readonly late: number;
}

export function udpCourse({ client, totalMs }: Measurement): UdpCourse | null {
  if (client?.mode !== 'udp') return null;
  const duplicates = client.guestDuplicates + client.duplicates;
  const inWindow = totalMs === null ? null : 2 * UDP_PACKETS_PER_SECOND * (totalMs / 1000);
  return {
    sent: client.sent,
    lostToGuest: client.sent - client.guestReceived,
    lostFromGuest: client.guestSent - client.received,
    duplicates,
    duplicateShare: inWindow === null ? null : duplicates / inWindow,
    late: client.guestLate + client.late,
  };
}

export function uploadOf(one: Measurement): UploadCourse | null {
  return one.client?.mode === 'upload' ? uploadCourse(one.client, one) : null;
}

/** Share of the true total time by which the forecast was wrong. */
export function forecastErrors(measurements: readonly Measurement[]): number[] {
  return completedOnes(measurements).flatMap(({ forecastTotalMs, totalMs }) =>
    forecastTotalMs === null || totalMs === null ? [] : Math.abs(forecastTotalMs - totalMs) / totalMs,
  );
}
