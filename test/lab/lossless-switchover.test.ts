import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PingPongFigures, UdpFigures } from '../../bench/client/figures.ts';
import type { Receipt } from '../../src/migration/receipt.ts';
import { LabCluster, until, VM } from './lab-cluster.ts';

const LAB = 'lossless';
const ROOT = join(import.meta.dirname, '../..');
const GUEST = '10.78.0.100';
const NODES = ['node1', 'node2'] as const;
const MIGRATIONS = 6;

let lab: LabCluster;

beforeAll(async () => {
  lab = await LabCluster.up(LAB);
  await lab.createAndStart();
});

afterAll(async () => {
  await lab.down();
});

/** What a client does with the guest until it is stopped: 500 numbered packets a second, or a TCP ping-pong every 2 ms. */
class Talk<F> {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(mode: 'udp' | 'ping-pong') {
    const program = [join(ROOT, 'node_modules/.bin/node'), join(ROOT, 'bench/client/main.ts'), mode, GUEST];
    const args = ['netns', 'exec', lab.namespace('client'), ...program];
    this.#child = spawn('ip', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#child.stdout === null) throw new Error('no output');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async begun(): Promise<void> {
    await this.#lines.next();
  }

  async end(): Promise<F> {
    this.#child.stdin?.end();
    const line = await this.#lines.next();
    return JSON.parse(line.done === true ? 'null' : line.value) as F;
  }
}

async function whileTalking(run: () => Promise<void>): Promise<{ udp: UdpFigures; tcp: PingPongFigures }> {
  const udp = new Talk<UdpFigures>('udp');
  const tcp = new Talk<PingPongFigures>('ping-pong');
  await Promise.all([udp.begun(), tcp.begun()]);
  // Both end in any case: a program that stays would keep the client's namespace alive.
  let seen: readonly [UdpFigures, PingPongFigures] | undefined;
  try {
    await run();
  } finally {
    seen = await Promise.all([udp.end(), tcp.end()]);
  }
  return { udp: seen[0], tcp: seen[1] };
}

/** When the guest stood still on the source, in milliseconds since 1970. */
function stoppedAtMs({ phases }: Receipt): number {
  return Date.parse(phases.find(({ name }) => name === 'stop-and-copy')?.startedAt ?? '');
}

function expectNothingLost({ udp, tcp }: { udp: UdpFigures; tcp: PingPongFigures }, story = ''): void {
  expect(udp.broken).toBeNull();
  expect(udp.sent - udp.guestReceived, `packets that the guest never got: ${story}`).toBe(0);
  expect(udp.guestSent - udp.received, `answers that the client never got: ${story}`).toBe(0);
  expect(udp.guestDuplicates + udp.duplicates, 'packets that came twice').toBeLessThan(udp.sent / 100);
  expect(tcp.broken).toBeNull();
  expect(tcp.answers).toBeGreaterThan(100);
}

/** How often a TCP connection of the client had to wait for its timer and send again. */
function timeouts(): number {
  const args = ['netns', 'exec', lab.namespace('client'), 'nstat', '-asz', 'TcpExtTCPTimeouts'];
  const text = execFileSync('ip', args, { encoding: 'utf8' });
  return Number(/TcpExtTCPTimeouts +(\d+)/.exec(text)?.[1]);
}

function devices(node: string): string[] {
  const text = execFileSync('ip', ['-n', lab.namespace(node), '-br', 'link'], { encoding: 'utf8' });
  return text.split('\n').flatMap((line) => /^gw[mlvip][0-9a-f]{6}\b/.exec(line)?.[0] ?? []);
}

function pins(node: string): string[] {
  const text = execFileSync('bridge', ['-n', lab.namespace(node), 'fdb', 'show'], { encoding: 'utf8' });
  return text.split('\n').filter((line) => line.includes('sticky'));
}

const leftovers = () => NODES.flatMap((node) => [...devices(node), ...pins(node)]);

function godwit(...args: string[]): Promise<{ readonly status: number | null; readonly out: string }> {
  return new Promise((resolve) => {
    const child = spawn(join(ROOT, 'godwit'), [...args, '--lab', LAB, '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.on('close', (status) => resolve({ status, out }));
  });
}

const otherNode = (node: string | null) => (node === 'node1' ? 'node2' : 'node1');

/** The receipt is written once more, when the guest has been seen from outside again. */
async function completeReceipt(id: string): Promise<Receipt> {
  let receipt: Receipt | undefined;
  await until(
    'the receipt is complete',
    async () => {
      receipt = await lab.receipt(id, 60_000);
      return receipt?.complete === true;
    },
    70_000,
  );
  if (receipt === undefined) throw new Error('no receipt');
  return receipt;
}

describe('the traffic of a guest that moves', () => {
  test(`loses no packet and no time on a timer in ${MIGRATIONS} migrations, and the receipts say so`, async () => {
    const before = timeouts();
    const receipts: Receipt[] = [];
    const seen = await whileTalking(async () => {
      for (let turn = 0; turn < MIGRATIONS; turn++) {
        const { status, out } = await godwit('vm', 'migrate', VM, '--to', otherNode((await lab.vm()).owner));
        expect(status).toBe(0);
        receipts.push(await completeReceipt((JSON.parse(out) as Receipt).id));
      }
    });
    const story = () =>
      JSON.stringify({ unanswered: seen.udp.unansweredAtMs, stops: receipts.map((one) => stoppedAtMs(one)) });
    expectNothingLost(seen, story());
    expect(timeouts() - before).toBe(0);
    for (const { networkGapMs, network } of receipts) {
      expect(network, network.methodReason ?? '').toMatchObject({ method: 'mirror', framesLost: 0 });
      expect(networkGapMs).toEqual(expect.any(Number));
      expect(network.probe?.kind).not.toBe('');
      expect(network.probe?.intervalMs).toBeLessThanOrEqual(5);
    }
    await until('nothing is left of it', () => leftovers().length === 0, 10_000);
  });

  test('stays where it was when the migration is cancelled', async () => {
    const owner = (await lab.vm()).owner ?? '';
    await lab.askGuest('load start 64 200');
    const seen = await whileTalking(async () => {
      const from = lab.logSize(owner);
      const id = await lab.requestMigration(otherNode(owner));
      await lab.phaseEntered(owner, 'iterative-pre-copy', { from, withinMs: 10_000 });
      await until('the guest’s frames are being mirrored', () => devices(owner).length > 0, 10_000);
      expect((await godwit('vm', 'cancel', VM)).status).toBe(0);
      expect((await lab.receipt(id, 20_000))?.outcome).toBe('cancelled');
      await until('nothing is left of it', () => leftovers().length === 0, 15_000);
    });
    await lab.askGuest('load stop');
    expectNothingLost(seen);
    expect((await lab.vm()).owner).toBe(owner);
  });
});

test('an agent that is killed while it mirrors leaves nothing, and the migration ends well', async () => {
  const owner = (await lab.vm()).owner ?? '';
  const mirrors = () => devices(owner).some((name) => name.startsWith('gwm'));
  await until('nothing is left of the one before', () => leftovers().length === 0, 15_000);
  const id = await lab.requestMigration(otherNode(owner));
  await until('the guest’s frames are being mirrored', mirrors, 20_000);
  lab.kill(owner, 'agent');
  const receipt = await lab.receipt(id, 60_000);
  expect(receipt, 'the migration is closed').toBeDefined();
  await until('the VM is running', async () => (await lab.vm()).state === 'running', 20_000);
  await until('the guest answers', () => lab.guestAnswers(), 20_000);
  expect(lab.qemus()).toBe(1);
  await until('nothing is left of it', () => leftovers().length === 0, 20_000);
});
