/**
 * Runs on a machine of the lab: `main.ts ping-pong|udp|upload ADDRESS` talks to the guest at that address. Prints
 * `{"ready":true}` as soon as the guest answers, and its figures as one line of JSON when a line (or the end of the
 * input) tells it to stop. `main.ts receive|send ADDRESS` measures a link between two machines.
 */
import { createInterface } from 'node:readline';
import type { Activity } from './figures.ts';
import { startPingPong } from './ping-pong.ts';
import { receiveStream, sendStream } from './plain-stream.ts';
import { startUdpCounters } from './udp-counters.ts';
import { startUpload } from './upload.ts';

const ACTIVITIES: Readonly<Record<string, (address: string) => Activity>> = {
  'ping-pong': startPingPong,
  udp: startUdpCounters,
  upload: startUpload,
};

async function main(): Promise<void> {
  const [mode = '', address = ''] = process.argv.slice(2);
  if (mode === 'receive') return print({ bytesPerSecond: await receiveStream(address, () => print({ ready: true })) });
  if (mode === 'send') return sendStream(address);
  const start = ACTIVITIES[mode];
  if (start === undefined) throw new Error(`"${mode}" is nothing that the client does.`);
  const toldToStop = new Promise<void>((resolve) => {
    const input = createInterface({ input: process.stdin });
    input.once('line', () => resolve());
    input.once('close', () => resolve());
  });
  const activity = start(address);
  await Promise.race([activity.ready.then(() => print({ ready: true })), toldToStop]);
  await toldToStop;
  print(await activity.stop());
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
