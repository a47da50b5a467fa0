import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  labBoot,
  labCrash,
  labCut,
  labDown,
  labExec,
  labFreeze,
  labMend,
  labNames,
  labStatus,
  labThaw,
  labUp,
} from '../../src/lab/lab.ts';
import { labPaths } from '../../src/lab/lab-state.ts';
import { initPid } from '../../src/lab/machines.ts';
import { remainsOf } from './machine-remains.ts';

const LAB = `test-${process.pid}`;
const OTHER = `${LAB}-node1`;
/** On the cluster network. */
const ADDRESSES = { node1: '10.77.0.11', node2: '10.77.0.12' };
/** Answers every connection with the name of the machine, on the API's port. */
const DUMMY = [
  process.execPath,
  '-e',
  "require('net').createServer((s) => s.on('error', () => {}).end(require('os').hostname())).listen(8440)",
];

async function stateOf(machine: string, lab = LAB): Promise<string | undefined> {
  return (await labStatus(lab)).machines.find((candidate) => candidate.name === machine)?.state;
}

/** What a TCP connection from one machine to an address brings, "" if none comes about. */
async function hear(machine: string, address: string): Promise<string> {
  const program = `const s = require('net').connect(8440, '${address}', () => {}); setTimeout(() => process.exit(0), 1500);
    s.pipe(process.stdout); s.on('error', () => {}); s.on('close', () => process.exit(0))`;
  const child = spawn('nsenter', [`--net=/run/netns/godwit-${LAB}-${machine}`, process.execPath, '-e', program]);
  let heard = '';
  child.stdout.on('data', (data: Buffer) => (heard += data.toString()));
  await new Promise((resolve) => child.once('close', resolve));
  return heard;
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await sleep(50);
}

describe('a lab that is up', () => {
  beforeAll(async () => {
    await labUp({ name: LAB, agentCommand: DUMMY });
  });
  afterAll(async () => {
    await labDown(LAB);
    expect(await remainsOf(LAB)).toEqual([]);
  });

  test('has every machine up, with addresses and a way to the nodes', async () => {
    const status = await labStatus(LAB);
    expect(status.state).toBe('up');
    expect(status.machines.map(({ name, kind, state, address }) => `${name} ${kind} ${state} ${address}`)).toEqual([
      'node1 node up 10.77.0.11',
      'node2 node up 10.77.0.12',
      'witness witness up 10.77.0.10',
      'client client up 10.78.0.9',
    ]);
    expect(status.url).toMatch(/^https:\/\/127\.77\.\d+\.1:8440$/);
  });

  test('is left alone by a second up', async () => {
    const before = await initPid(LAB, 'node1');
    expect((await labUp({ name: LAB, agentCommand: DUMMY })).wasUp).toBe(true);
    expect(await initPid(LAB, 'node1')).toBe(before);
  });

  test('shows the host no device, and each machine its own processes', async () => {
    expect((await remainsOf(LAB)).filter((line) => line.startsWith('device'))).toEqual([]);
    const program =
      'test "$(hostname)" = node2 && test -d /proc/1 && test "$(ls /proc | grep -c "^[0-9]")" -lt 20 && test ! -e /run/netns/godwit-x';
    expect(await labExec(LAB, 'node2', ['sh', '-c', program])).toBe(0);
  });

  test('passes the exit status of a command on', async () => {
    expect(await labExec(LAB, 'node1', ['sh', '-c', 'exit 7'])).toBe(7);
    expect(await labExec(LAB, 'client', ['sh', '-c', 'kill -9 $$'])).toBe(137);
    expect(await labExec(LAB, 'switch', ['ip', 'link', 'show', 'cluster'])).toBe(0);
  });

  test('connects the machines of each network', async () => {
    await until(async () => (await hear('client', '10.78.0.12')) === 'node2');
    expect(await hear('node1', '10.77.0.12')).toBe('node2');
    expect(await hear('node1', '10.77.0.10')).toBe('witness');
    expect(await hear('client', '10.77.0.12')).toBe('');
  });

  test('starts an agent that ended again', async () => {
    const log = labPaths.agentLog(LAB, 'node2');
    await labExec(LAB, 'node2', [
      'sh',
      '-c',
      'for p in /proc/[0-9]*; do case $(tr "\\0" " " <$p/cmdline) in *createServer*) case $(cat $p/comm) in sh|tini) ;; *) kill -9 ${p#/proc/};; esac;; esac; done',
    ]);
    await until(() => existsSync(log) && readFileSync(log, 'utf8').includes('ended with status 137'));
    await until(async () => (await hear('client', '10.78.0.12')) === 'node2');
  });

  test('drops the frames of a network that is cut, and of no other, and passes them again when it is mended', async () => {
    await labCut(LAB, 'node1', { network: 'cluster' });
    expect(await stateOf('node1')).toBe('cut');
    expect(await hear('node2', '10.77.0.11')).toBe('');
    expect(await hear('client', '10.78.0.11')).toBe('node1');
    expect(await labExec(LAB, 'node1', ['sh', '-c', 'test "$(cat /sys/class/net/cluster0/carrier)" = 1'])).toBe(0);
    await labMend(LAB, 'node1');
    expect(await stateOf('node1')).toBe('up');
    await until(async () => (await hear('node2', '10.77.0.11')) === 'node1');
  });

  test.each([
    { direction: 'in', hearing: 'node2', deaf: 'node1' },
    { direction: 'out', hearing: 'node1', deaf: 'node2' },
  ] as const)('drops frames in one direction only: $direction', async ({ direction, hearing, deaf }) => {
    await labCut(LAB, 'node1', { network: 'cluster', direction });
    expect(await stateOf('node1')).toBe('cut');
    for (const node of ['node1', 'node2']) await labExec(LAB, node, ['ip', 'neigh', 'flush', 'all']);
    expect(await hear(deaf, ADDRESSES[hearing])).toBe('');
    const asked = ['sh', '-c', `ip neigh show ${ADDRESSES[deaf]} | grep -q lladdr`];
    expect(await labExec(LAB, hearing, asked), `${hearing} was asked for its hardware address`).toBe(0);
    expect(await hear(hearing, ADDRESSES[deaf])).toBe('');
    expect(await hear('client', '10.78.0.11')).toBe('node1');
    await labMend(LAB, 'node1');
    await until(async () => (await hear('node2', ADDRESSES.node1)) === 'node1');
  });

  test('refuses to cut what cannot be cut', async () => {
    await expect(labCut(LAB, 'node1', { network: 'storage' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(labCut(LAB, 'witness', { network: 'client' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(labCut(LAB, 'node7')).rejects.toMatchObject({ code: 'MACHINE_NOT_FOUND' });
  });

  test('hangs and goes on', async () => {
    await labFreeze(LAB, 'node1');
    expect(await stateOf('node1')).toBe('frozen');
    expect(await hear('client', '10.78.0.11')).toBe('');
    await expect(labExec(LAB, 'node1', ['true'])).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await labThaw(LAB, 'node1');
    expect(await stateOf('node1')).toBe('up');
    await until(async () => (await hear('client', '10.78.0.11')) === 'node1');
  });

  test('loses all of a machine but its disk in a crash, cables stay cut, and boots it again', async () => {
    const kept = join(labPaths.machine(LAB, 'node1'), 'state/kept');
    writeFileSync(kept, 'x');
    expect(await labExec(LAB, 'node1', ['touch', '/run/lost'])).toBe(0);
    await labCut(LAB, 'node1', { network: 'cluster' });
    await labFreeze(LAB, 'node1');
    await labCrash(LAB, 'node1');
    expect(await stateOf('node1')).toBe('crashed');
    await expect(labExec(LAB, 'node1', ['true'])).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await labBoot(LAB, 'node1');
    expect(await stateOf('node1')).toBe('cut');
    await labMend(LAB, 'node1');
    expect(await labExec(LAB, 'node1', ['sh', '-c', `test -e ${kept} && test ! -e /run/lost`])).toBe(0);
    await until(async () => (await hear('node2', '10.77.0.11')) === 'node1');
    await expect(labBoot(LAB, 'node1')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('is not disturbed by a second lab, not even one whose name begins with its own', async () => {
    const before = await initPid(LAB, 'node1');
    await labUp({ name: OTHER, agentCommand: DUMMY, nodes: 1 });
    expect(await labNames()).toEqual(expect.arrayContaining([LAB, OTHER]));
    expect((await labStatus(OTHER)).url).not.toBe((await labStatus(LAB)).url);
    await labDown(OTHER);
    expect(await remainsOf(OTHER)).toEqual([]);
    expect(await initPid(LAB, 'node1')).toBe(before);
    expect((await labStatus(LAB)).machines.every((machine) => machine.state === 'up')).toBe(true);
  });
});

describe('lab down', () => {
  afterEach(async () => {
    await labDown(LAB);
  });

  test('has nothing to do where there is no lab', async () => {
    expect(await labDown(LAB)).toBe(false);
    await expect(labStatus(LAB)).rejects.toMatchObject({ code: 'LAB_NOT_FOUND' });
  });

  test('needs no state file, and ends what was started in the lab from outside', async () => {
    await labUp({ name: LAB, agentCommand: DUMMY });
    const guest = spawn('ip', ['netns', 'exec', `godwit-${LAB}-client`, 'sleep', '1000'], { stdio: 'ignore' });
    const ended = new Promise((resolve) => guest.once('close', resolve));
    await until(() => readFileSync(`/proc/${guest.pid}/cmdline`, 'utf8').startsWith('sleep'));
    appendFileSync(labPaths.state(LAB), 'garbage');
    await expect(labStatus(LAB)).rejects.toMatchObject({ code: 'LAB_FAILED' });
    expect(await labDown(LAB)).toBe(true);
    await ended;
    expect(await remainsOf(LAB)).toEqual([]);
    expect(await labDown(LAB)).toBe(false);
  });

  test.each([1, 2, 4, 5])('cleans up after an up that was killed at its line %i', async (line) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'lab-up-process.ts'), LAB], { stdio: 'pipe' });
    const ended = new Promise((resolve) => child.once('close', resolve));
    let lines = 0;
    child.stdout.on('data', (data: Buffer) => {
      lines += data.toString().split('\n').length - 1;
      if (lines >= line) child.kill('SIGKILL');
    });
    await ended;
    expect((await remainsOf(LAB)).length).toBeGreaterThan(0);
    await expect(labUp({ name: LAB, agentCommand: DUMMY })).rejects.toMatchObject({ code: 'LAB_EXISTS' });
    expect(await labDown(LAB)).toBe(true);
    expect(await remainsOf(LAB)).toEqual([]);
  });
});
