/** What the client's program prints at its end, one kind per mode. All times in milliseconds since 1970. */
import type { Gap } from './gaps.ts';

export const CLIENT_MODES = ['ping-pong', 'udp', 'upload'] as const;
export type ClientMode = (typeof CLIENT_MODES)[number];

/** Eight bytes there and back over one TCP connection, the next ones 2 ms after the answer. */
export interface PingPongFigures {
  readonly mode: 'ping-pong';
  readonly answers: number;
  /** Between two answers; the longest ones. */
  readonly gaps: readonly Gap[];
  /** Why the connection ended; null: it is still open. */
  readonly broken: string | null;
}

/** Numbered packets, 500 per second, each answered by the guest with a number of its own. */
export interface UdpFigures {
  readonly mode: 'udp';
  readonly sent: number;
  /** Of the client's packets, by the guest's count; the last ones may be unknown if their answers were lost. */
  readonly guestReceived: number;
  readonly guestDuplicates: number;
  readonly guestLate: number;
  /** The guest's highest number that came. */
  readonly guestSent: number;
  /** Different ones of the guest's numbers. */
  readonly received: number;
  readonly duplicates: number;
  readonly late: number;
  /** When the first packets were sent that no answer came to: to see when in a migration they were lost. */
  readonly unansweredAtMs: readonly number[];
  readonly gaps: readonly Gap[];
  readonly broken: string | null;
}

/** A TCP stream into the guest, at most 500 Mbit/s. */
export interface UploadFigures {
  readonly mode: 'upload';
  /** Written by the client. */
  readonly sentBytes: number;
  readonly startedAtMs: number;
  readonly binMs: number;
  /** What the guest said it had received, per bin, from `startedAtMs` on. */
  readonly bytesPerBin: readonly number[];
  /** Between two such reports. */
  readonly gaps: readonly Gap[];
  readonly broken: string | null;
}

export type ClientFigures = PingPongFigures | UdpFigures | UploadFigures;

/** One of the client's activities while it goes on. */
export interface Activity {
  /** Resolves when the guest answered for the first time. */
  readonly ready: Promise<void>;
  /** Ends it and says what was seen. */
  stop(): Promise<ClientFigures>;
}

/** By the clock that QEMU's event times are of, finer than a millisecond. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
