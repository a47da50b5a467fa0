/**
 * Holds one TCP connection to a guest's ticker (a numbered line every 100 ms) until its standard input ends, then prints
 * what it saw as JSON. Runs in the lab's client machine: `node scripts/ticker-client.ts ADDRESS`.
 */
import { connect } from 'node:net';

const TICKER_PORT = 13;
const address = process.argv[2] ?? '';
const socket = connect(TICKER_PORT, address);
let text = '';
let lines = 0;
let missing = 0;
let expected: number | undefined;
let lastAtMs: number | undefined;
let longestGapMs = 0;
let broken: string | null = null;

socket.on('connect', () => console.log('connected'));
socket.on('data', (chunk) => {
  const nowMs = performance.now();
  if (lastAtMs !== undefined) longestGapMs = Math.max(longestGapMs, nowMs - lastAtMs);
  lastAtMs = nowMs;
  text += chunk.toString();
  const whole = text.split('\n');
  text = whole.pop() ?? '';
  for (const line of whole) {
    const number = Number.parseInt(line, 10);
    if (expected !== undefined && number !== expected) missing += 1;
    expected = number + 1;
    lines += 1;
  }
});
socket.on('error', (error) => {
  broken = error.message;
});
socket.on('close', () => {
  broken ??= 'the guest closed the connection';
  finish();
});
process.stdin.on('end', finish).resume();

let finished = false;
function finish(): void {
  if (finished) return;
  finished = true;
  socket.destroy();
  process.stdin.destroy(); // It would keep this process alive.
  console.log(JSON.stringify({ lines, missing, longestGapMs: Math.round(longestGapMs), broken }));
  process.exitCode = broken === null && lines > 0 && missing === 0 ? 0 : 1;
}
