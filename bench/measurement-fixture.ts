/** A migration for tests: idle guest, QEMU alone, called at 10 s, stopped at 11 s, running again 40 ms later. */
import type { Measurement } from './bench-plan.ts';
import type { UdpFigures, UploadFigures } from './client/figures.ts';

export function measurementOf(differences: Partial<Measurement> = {}): Measurement {
  return {
    ...{ link: '1gbit', scenario: 'idle', variant: 'raw', source: 'node1', destination: 'node2' },
    ...{ failure: null, ownerAfter: 'node2', guestSurvived: true, loadBytesPerSecond: null, loadAverage: 0 },
    ...{ calledAtMs: 10_000, stoppedAtMs: 11_000, resumedAtMs: 11_040, totalMs: 1040, blackoutMs: 40 },
    ...{ transferMs: 1000, transferToResumeMs: 1000, callToFirstRoundMs: 40, rounds: 3, transferredBytes: 100e6 },
    ...{ firstRoundBytesPerSecond: null, forecastTotalMs: null, budgetMs: null, budgetUsedMs: null, details: null },
    client: { mode: 'ping-pong', answers: 1000, broken: null, gaps: [{ atMs: 10_995, durationMs: 240 }] },
    wire: { tcpTimeouts: 0, tcpLossProbes: 1, tcpRetransmits: 1, clientFrames: 1000, wireFrames: 2000 },
    ...differences,
  };
}

export function godwitMeasurementOf(differences: Partial<Measurement> = {}): Measurement {
  return measurementOf({
    variant: 'godwit-tls',
    ...{ firstRoundBytesPerSecond: 118e6, forecastTotalMs: 1144, budgetMs: 50, budgetUsedMs: 50 },
    client: { mode: 'ping-pong', answers: 1000, broken: null, gaps: [{ atMs: 10_995, durationMs: 80 }] },
    ...differences,
  });
}

export function udpOf(differences: Partial<UdpFigures> = {}): UdpFigures {
  return {
    ...{ mode: 'udp', sent: 2000, guestReceived: 2000, guestDuplicates: 0, guestLate: 0 },
    ...{ guestSent: 2000, received: 2000, duplicates: 0, late: 0, unansweredAtMs: [], gaps: [], broken: null },
    ...differences,
  };
}

/** From 8 s to 13 s, in bins of 100 ms: 400 Mbit/s but for these bins. */
export function uploadOf(bytesByBin: Readonly<Record<number, number>> = {}): UploadFigures {
  const bytesPerBin = Array.from({ length: 50 }, (_bin, index) => bytesByBin[index] ?? 5e6);
  return {
    ...{ mode: 'upload', sentBytes: 250e6, startedAtMs: 8000, binMs: 100, bytesPerBin },
    ...{ gaps: [], broken: null },
  };
}
