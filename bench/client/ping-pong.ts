import { connect } from 'node:net';
import { type Activity, nowMs } from './figures.ts';
import { GapKeeper } from './gaps.ts';

const PORT = 7;
const PAUSE_MS = 2;
const MESSAGE_BYTES = 8;

export function startPingPong(address: string): Activity {
  const socket = connect({ host: address, port: PORT, noDelay: true });
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const gaps = new GapKeeper();
  const message = Buffer.alloc(MESSAGE_BYTES);
  let answers = 0;
  let missing = 0;
  let broken: string | null = null;
  let stopped = false;

  function ask(): void {
    if (stopped || broken !== null) return;
    message.writeBigUInt64BE(BigInt(answers + 1));
    missing = MESSAGE_BYTES;
    // A copy: what is waiting to be sent must not change.
    socket.write(Buffer.from(message));
  }

  function fail(why: string): void {
    if (!stopped) broken ??= why;
    reject(new Error(why));
  }

  socket.on('connect', ask);
  socket.on('data', (data) => {
    missing -= data.length;
    if (missing > 0) return;
    gaps.seen(nowMs());
    answers += 1;
    if (answers === 1) resolve();
    setTimeout(ask, PAUSE_MS);
  });
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => fail('the guest closed the connection'));
  return {
    ready,
    stop: () => {
      stopped = true;
      // Reset, so that no end of it is still on the wire when the counters are read.
      socket.resetAndDestroy();
      return Promise.resolve({ mode: 'ping-pong', answers, gaps: gaps.longest(), broken });
    },
  };
}
