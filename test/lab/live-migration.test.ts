import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Receipt } from '../../src/migration/receipt.ts';
import { LabCluster, until, VM } from './lab-cluster.ts';

const LAB = 'moves';
const ROOT = join(import.meta.dirname, '../..');
const MIGRATIONS = 20;

let lab: LabCluster;

beforeAll(async () => {
  lab = await LabCluster.up(LAB);
  await lab.createAndStart();
});

afterAll(async () => {
  await lab.down();
});

interface Ended {
  readonly status: number;
  readonly out: string;
  readonly error: string;
}

function godwit(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(join(ROOT, 'godwit'), [...args, '--lab', LAB, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let error = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (error += chunk.toString()));
    child.on('close', (status) => resolve({ status: status ?? -1, out, error }));
  });
}

function otherNode(node: string | null | undefined): string {
  return node === 'node1' ? 'node2' : 'node1';
}

async function moveByCommandLine(): Promise<Receipt> {
  const { status, out, error } = await godwit('vm', 'migrate', VM, '--to', otherNode((await lab.vm()).owner));
  expect(status, error).toBe(0);
  return JSON.parse(out) as Receipt;
}

describe('live migration', () => {
  test(`keeps a TCP connection through ${MIGRATIONS} migrations, with one QEMU and a whole receipt after each`, async () => {
    const program = [join(ROOT, 'node_modules/.bin/node'), join(ROOT, 'scripts/ticker-client.ts'), '10.78.0.100'];
    const args = ['netns', 'exec', lab.namespace('client'), ...program];
    const client = spawn('ip', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    let seen = '';
    client.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    const closed = new Promise((resolve) => client.on('close', resolve));
    await until('the connection stands', () => seen.includes('connected'), 10_000);

    for (let turn = 0; turn < MIGRATIONS; turn++) {
      const receipt = await moveByCommandLine();
      expect(receipt.outcome).toBe('completed');
      expect(lab.qemus(), 'exactly one QEMU').toBe(1);
      expectWhole(receipt);
    }
    client.stdin.end();
    await closed;
    expect(JSON.parse(seen.trim().split('\n').at(-1) ?? '{}')).toMatchObject({ missing: 0, broken: null });
  });

  test('finishes, and keeps the guest whole, while the guest rewrites 64 MiB', async () => {
    await lab.askGuest('load start 64 20');
    for (let turn = 0; turn < 5; turn++) {
      const receipt = await moveByCommandLine();
      expect(receipt.outcome).toBe('completed');
      expect(await lab.guestAnswers()).toBe(true);
    }
    await lab.askGuest('load stop');
    expect(JSON.parse(await lab.askGuest('journal'))).toMatchObject({ faults: 0 });
  });

  test('can be cancelled half-way: the guest stays, and the next one works', async () => {
    const owner = (await lab.vm()).owner ?? '';
    await lab.askGuest('load start 64 20');
    const from = lab.logSize(owner);
    const id = await lab.requestMigration(otherNode(owner));
    await lab.phaseEntered(owner, 'iterative-pre-copy', { from, withinMs: 10_000 });
    expect((await godwit('vm', 'cancel', VM)).status).toBe(0);
    const receipt = await lab.receipt(id, 10_000);
    expect(receipt?.outcome).toBe('cancelled');
    expect((await lab.vm()).owner).toBe(owner);
    await until('the copy is gone', () => lab.qemus() === 1, 5000);
    await lab.askGuest('load stop');
    expect((await moveByCommandLine()).outcome).toBe('completed');
  });

  test('an agent that is killed disturbs no guest and finds its VM again', async () => {
    const owner = (await lab.vm()).owner ?? '';
    const [pid] = lab.pids(owner, 'qemu');
    const before = JSON.parse(await lab.askGuest('status')) as { boot: string };
    lab.kill(owner, 'agent');
    await until('the agent is back', () => lab.pids(owner, 'agent').length === 1, 10_000);
    await until('it has settled', async () => (await lab.vm()).state === 'running', 10_000);
    expect(lab.pids(owner, 'qemu')).toEqual([pid]);
    expect(JSON.parse(await lab.askGuest('status'))).toMatchObject({ boot: before.boot });
  });
});

function expectWhole(receipt: Receipt): void {
  expect(receipt.phases.map(({ name }) => name)).toHaveLength(5);
  expect(receipt.rounds.length).toBeGreaterThan(0);
  for (const figure of [receipt.totalMs, receipt.blackoutMs, receipt.transferredBytes]) {
    expect(figure).toBeGreaterThan(0);
  }
  // It spans both clocks, and may be shorter than what is known of their difference.
  expect(receipt.blackout.goMs).toBeGreaterThanOrEqual(0);
  // What is not measured says why.
  expect(receipt.networkGapMs === null).toBe('networkGapMs' in receipt.notMeasured);
}

describe('bad input', () => {
  test.each([
    ['an unknown VM', ['vm', 'migrate', 'Nobody', '--to', 'node2'], 'VM_NOT_FOUND'],
    ['an unknown node', ['vm', 'migrate', VM, '--to', 'node7'], 'NODE_NOT_FOUND'],
    ['a name that exists', ['vm', 'create', VM, '--memory', '256M', '--cpus', '1', '--image', 'lab'], 'VM_EXISTS'],
    ['a malformed name', ['vm', 'create', '-x-', '--memory', '256M', '--cpus', '1', '--image', 'lab'], null],
    ['memory 0', ['vm', 'create', 'Zero', '--memory', '0', '--cpus', '1', '--image', 'lab'], null],
    [
      'more memory than any node has',
      ['vm', 'create', 'Huge', '--memory', '64G', '--cpus', '1', '--image', 'lab'],
      null,
    ],
    ['no migration to cancel', ['vm', 'cancel', VM], 'NO_MIGRATION_RUNNING'],
  ])('%s is refused with an error object, and nothing changes', async (_what, args, code) => {
    const before = await lab.vm();
    const { status, error } = await godwit(...args);
    expect([1, 2]).toContain(status);
    const body = JSON.parse(error) as { code: string; message: string; state: string; nextStep: string };
    if (code !== null) expect(body.code).toBe(code);
    expect(body.message && body.state && body.nextStep).toBeTruthy();
    expect(await lab.vm()).toEqual(before);
  });

  test('a migration to the owner is refused', async () => {
    const { owner } = await lab.vm();
    const { status, error } = await godwit('vm', 'migrate', VM, '--to', owner ?? '');
    expect(status).toBe(1);
    expect((JSON.parse(error) as { code: string }).code).toMatch(/MIGRATION_NOT_POSSIBLE|VM_STATE_UNSUITABLE/);
  });

  test('a second migration of the same VM is refused', async () => {
    const destination = otherNode((await lab.vm()).owner);
    const id = await lab.requestMigration(destination);
    const { status, error } = await godwit('vm', 'migrate', VM, '--to', destination);
    expect(status).toBe(1);
    expect(JSON.parse(error)).toMatchObject({ code: 'VM_MIGRATING' });
    expect((await lab.receipt(id, 20_000))?.outcome).toBe('completed');
  });

  // A node that hangs as a whole is reset by its watchdog within seconds, and may take the VM then.
  test('a destination whose agent hangs is refused or given up; the guest runs on', async () => {
    const owner = (await lab.vm()).owner ?? '';
    const hanging = otherNode(owner);
    const agents = lab.pids(hanging, 'agent');
    expect(agents.length).toBeGreaterThan(0);
    for (const pid of agents) process.kill(pid, 'SIGSTOP');
    try {
      const { status } = await godwit('vm', 'migrate', VM, '--to', hanging);
      expect(status).toBe(1);
      expect(await lab.guestAnswers()).toBe(true);
    } finally {
      for (const pid of agents) process.kill(pid, 'SIGCONT');
    }
    await sleep(1500);
    await until('nothing is left of it', () => lab.qemus() === 1, 15_000);
    await until('the VM is running', async () => (await lab.vm()).state === 'running', 15_000);
  });
});
