/** What the link between two nodes of the lab carries while nothing else uses it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LabStatus } from '../src/lab/lab.ts';
import { tryCommand } from '../src/lab/run-command.ts';
import type { LinkFigures } from './bench-plan.ts';
import { ClientProgram } from './client-machine.ts';

const SECONDS = 4;
const TRIES = 20;
const STREAM_TIMEOUT_MS = 20_000;

interface End {
  readonly namespace: string;
  readonly address: string;
}

/** Over the cluster network, from the first node to the second. */
export async function measureLink(status: LabStatus, link: string): Promise<LinkFigures> {
  const [from, to] = status.machines.filter((machine) => machine.kind === 'node');
  if (from === undefined || to === undefined) throw new Error('The lab has too few nodes.');
  if (await hasIperf3()) {
    return { link, measuredWith: 'iperf3', bytesPerSecond: await withIperf3(from, to) };
  }
  return { link, measuredWith: 'plain TCP stream', bytesPerSecond: await withPlainStream(from, to) };
}

/** Installs it where it is missing and can be had. */
async function hasIperf3(): Promise<boolean> {
  if (await works()) return true;
  console.error('installs the Debian package iperf3, to measure the links with');
  // Its own service is not wanted: nothing but the package's question decides that, and the default is no.
  const install = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', 'install', '-y', '-qq', 'iperf3'];
  const installed = await tryCommand(install).catch(() => null);
  if (installed?.status !== 0) {
    await tryCommand(['apt-get', 'update', '-qq']).catch(() => null);
    await tryCommand(install).catch(() => null);
  }
  if (await works()) return true;
  console.error('iperf3 cannot be installed: the links are measured with a plain TCP stream');
  return false;
}

function works(): Promise<boolean> {
  return tryCommand(['iperf3', '--version']).then(
    ({ status }) => status === 0,
    () => false,
  );
}

async function withIperf3(from: End, to: End): Promise<number> {
  const server = spawn('ip', ['netns', 'exec', to.namespace, 'iperf3', '-s', '-1', '-B', to.address], {
    stdio: 'ignore',
  });
  server.on('error', () => undefined);
  try {
    const argv = ['ip', 'netns', 'exec', from.namespace, 'iperf3', '-c', to.address, '-t', `${SECONDS}`, '-J'];
    for (let tries = 0; tries < TRIES; tries += 1) {
      const result = await tryCommand(argv);
      // Some versions end with 0 although they could not connect, and say so in the report only.
      const bytesPerSecond = result.status === 0 ? receivedBytesPerSecond(result.stdout) : null;
      if (bytesPerSecond !== null) return bytesPerSecond;
      // The server does not listen yet.
      await sleep(200);
    }
    throw new Error('iperf3 did not get through between two nodes of the lab.');
  } finally {
    endIfRunning(server);
  }
}

/** Null: the report is of a failure. */
export function receivedBytesPerSecond(json: string): number | null {
  const report = JSON.parse(json) as { end?: { sum_received?: { bits_per_second?: number } } };
  const bitsPerSecond = report.end?.sum_received?.bits_per_second;
  return bitsPerSecond === undefined ? null : bitsPerSecond / 8;
}

async function withPlainStream(from: End, to: End): Promise<number> {
  const receiver = new ClientProgram(to.namespace, ['receive', to.address]);
  await receiver.next(STREAM_TIMEOUT_MS);
  const result = receiver.next(STREAM_TIMEOUT_MS);
  const sender = new ClientProgram(from.namespace, ['send', to.address]);
  const line = (await result) as { bytesPerSecond: number } | null;
  for (const program of [sender, receiver]) program.kill();
  if (line === null) throw new Error('A plain TCP stream did not get through between two nodes of the lab.');
  return line.bytesPerSecond;
}

function endIfRunning(child: ChildProcess): void {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
}
