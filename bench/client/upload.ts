import { connect } from 'node:net';
import { type Activity, nowMs } from './figures.ts';
import { GapKeeper } from './gaps.ts';

const PORT = 5001;
const BYTES_PER_SECOND = 500e6 / 8;
const INTERVAL_MS = 2;
/** What the connection could not take is not made up for beyond this. */
const ARREARS_MAX_MS = 20;
const PIECE = Buffer.alloc(64 * 1024, 'godwit');
const BIN_MS = 100;

export function startUpload(address: string): Activity {
  const socket = connect({ host: address, port: PORT, noDelay: true });
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const gaps = new GapKeeper();
  const bytesPerBin: number[] = [];
  let sentBytes = 0;
  let reportedBytes = 0;
  let reportedAtMs = 0;
  let rest = '';
  let startedAtMs = 0;
  let dueBytes = 0;
  let lastMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let broken: string | null = null;
  let stopped = false;

  function send(): void {
    const time = nowMs();
    const arrearsMax = BYTES_PER_SECOND * (ARREARS_MAX_MS / 1000);
    dueBytes = Math.min(dueBytes + ((time - lastMs) / 1000) * BYTES_PER_SECOND, arrearsMax);
    lastMs = time;
    while (dueBytes >= PIECE.length && !socket.writableNeedDrain) {
      socket.write(PIECE);
      sentBytes += PIECE.length;
      dueBytes -= PIECE.length;
    }
    timer = setTimeout(send, INTERVAL_MS);
  }

  function fail(why: string): void {
    clearTimeout(timer);
    if (!stopped) broken ??= why;
    reject(new Error(why));
  }

  socket.on('connect', () => {
    startedAtMs = nowMs();
    lastMs = startedAtMs;
    reportedAtMs = startedAtMs;
    send();
  });
  socket.on('data', (data) => {
    const lines = `${rest}${data.toString('latin1')}`.split('\n');
    rest = lines.pop() ?? '';
    const total = Number(lines.at(-1) ?? reportedBytes);
    const atMs = nowMs();
    gaps.seen(atMs);
    spread(bytesPerBin, { bytes: total - reportedBytes, fromMs: reportedAtMs - startedAtMs, toMs: atMs - startedAtMs });
    reportedBytes = total;
    reportedAtMs = atMs;
    resolve();
  });
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => fail('the guest closed the connection'));
  return {
    ready,
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      // Up to the end, also if nothing was reported in the last bins.
      const bins = Math.floor((nowMs() - startedAtMs) / BIN_MS);
      while (bytesPerBin.length < bins) bytesPerBin.push(0);
      socket.resetAndDestroy();
      return Promise.resolve({
        ...{ mode: 'upload', sentBytes, startedAtMs, binMs: BIN_MS, bytesPerBin, gaps: gaps.longest(), broken },
      });
    },
  };
}

/**
 * Adds bytes that arrived some time in this interval, evenly: a bin would otherwise have five reports now and six then.
 * Pure but for `bytesPerBin`. Milliseconds from the beginning of the first bin.
 */
export function spread(
  bytesPerBin: number[],
  { bytes, fromMs, toMs }: { readonly bytes: number; readonly fromMs: number; readonly toMs: number },
): void {
  const last = Math.floor(toMs / BIN_MS);
  while (bytesPerBin.length <= last) bytesPerBin.push(0);
  for (let bin = Math.floor(fromMs / BIN_MS); bin <= last; bin += 1) {
    const overlapMs = Math.min(toMs, (bin + 1) * BIN_MS) - Math.max(fromMs, bin * BIN_MS);
    const share = toMs > fromMs ? overlapMs / (toMs - fromMs) : 1;
    bytesPerBin[bin] = (bytesPerBin[bin] ?? 0) + bytes * share;
  }
}
