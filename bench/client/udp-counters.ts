import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { CounterTrack } from './counter-track.ts';
import { type Activity, nowMs } from './figures.ts';
import { GapKeeper } from './gaps.ts';

const PORT = 5002;
const INTERVAL_MS = 2;
const BUFFER_BYTES = 4 * 1024 * 1024;
/** Until the last answers are there. */
const DRAIN_MS = 1000;
const ANSWER_BYTES = 24;
const UNANSWERED_MAX = 100;

export function startUdpCounters(address: string): Activity {
  const socket = createSocket({ type: 'udp4', recvBufferSize: BUFFER_BYTES });
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const stream = Math.floor(Math.random() * 2 ** 32);
  const gaps = new GapKeeper();
  const track = new CounterTrack();
  const guest = { received: 0, duplicates: 0, late: 0 };
  /** When each number was sent that has no answer yet, in this order. */
  const waiting = new Map<number, number>();
  let sent = 0;
  let broken: string | null = null;
  let timer: NodeJS.Timeout | undefined;
  let startedAtMs = 0;

  /** All that is due: a timer that comes late does not slow the stream down. */
  function sendDue(): void {
    const due = Math.floor((nowMs() - startedAtMs) / INTERVAL_MS) + 1;
    while (sent < due) {
      sent += 1;
      const packet = Buffer.alloc(8);
      packet.writeUInt32BE(stream, 0);
      packet.writeUInt32BE(sent, 4);
      waiting.set(sent, nowMs());
      socket.send(packet);
    }
    timer = setTimeout(sendDue, Math.max(0, startedAtMs + sent * INTERVAL_MS - nowMs()));
  }

  socket.on('message', (data) => {
    if (data.length < ANSWER_BYTES || data.readUInt32BE(0) !== stream) return;
    gaps.seen(nowMs());
    track.saw(data.readUInt32BE(4));
    waiting.delete(data.readUInt32BE(8));
    // Answers may overtake each other; counts only grow.
    guest.received = Math.max(guest.received, data.readUInt32BE(12));
    guest.duplicates = Math.max(guest.duplicates, data.readUInt32BE(16));
    guest.late = Math.max(guest.late, data.readUInt32BE(20));
    resolve();
  });
  socket.on('error', (error) => {
    broken ??= error.message;
    reject(error);
  });
  socket.connect(PORT, address, () => {
    startedAtMs = nowMs();
    sendDue();
  });
  return {
    ready,
    stop: async () => {
      clearTimeout(timer);
      await sleep(DRAIN_MS);
      socket.close();
      const { received, duplicates, late, highest } = track;
      const unansweredAtMs = [...waiting.values()].slice(0, UNANSWERED_MAX);
      return {
        ...{ mode: 'udp', sent, guestReceived: guest.received, guestDuplicates: guest.duplicates },
        ...{
          guestLate: guest.late,
          guestSent: highest,
          received,
          duplicates,
          late,
          unansweredAtMs,
          gaps: gaps.longest(),
          broken,
        },
      };
    },
  };
}
