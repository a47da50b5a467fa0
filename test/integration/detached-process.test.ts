import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  findProcess,
  isAlive,
  killAndWait,
  processIdentity,
  readLastLines,
  spawnDetached,
} from '../../src/adapters/processes/detached-process.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'godwit-process-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const shell = (script: string) =>
  spawnDetached({ command: '/bin/sh', args: ['-c', script], logFile: join(directory, 'log') });

describe('a detached process', () => {
  it('is known by pid and start time, found by its command line, and ended', async () => {
    const identity = await spawnDetached({ command: '/bin/sleep', args: ['31.4159'], logFile: join(directory, 'log') });
    expect(isAlive(identity)).toBe(true);
    expect(processIdentity(identity.pid)).toEqual(identity);
    expect(findProcess((commandLine) => commandLine.includes('31.4159'))).toEqual(identity);
    expect(await killAndWait(identity, 'SIGTERM', 5000)).toBe(true);
    expect(isAlive(identity)).toBe(false);
  });

  it('that ignores the signal is still there after the time', async () => {
    const identity = await shell('trap "" TERM; echo ready; while :; do sleep 0.1; done');
    while (!readLastLines(join(directory, 'log'), 1).includes('ready')) await sleep(10);
    expect(await killAndWait(identity, 'SIGTERM', 100)).toBe(false);
    expect(await killAndWait(identity, 'SIGKILL', 5000)).toBe(true);
  });

  it('that ends at once has an identity and is not alive', async () => {
    const identity = await shell('echo one; echo two >&2; exit 3');
    while (isAlive(identity)) await sleep(5);
    expect(readLastLines(join(directory, 'log'), 2)).toEqual(['one', 'two']);
  });

  it('that cannot be executed is an error', async () => {
    const command = { command: '/nonexistent', args: [], logFile: join(directory, 'log') };
    await expect(spawnDetached(command)).rejects.toThrow('ENOENT');
  });

  it('that nobody has waited for yet, a zombie, counts as ended', async () => {
    // The shell starts a child that ends at once, then becomes a program that never waits for it.
    const parent = await shell('sh -c "exit 0" & echo child $!; exec sleep 30');
    let child: string | undefined;
    while (child === undefined) {
      await sleep(20);
      child = /^child (\d+)$/.exec(readLastLines(join(directory, 'log'), 1)[0] ?? '')?.[1];
    }
    await sleep(200);
    const zombie = processIdentity(Number(child));
    expect(zombie && isAlive(zombie)).toBe(false);
    expect(zombie).toBeDefined();
    await killAndWait(parent, 'SIGKILL', 5000);
  });
});

it('a log that does not exist has no last lines', () => {
  expect(readLastLines(join(directory, 'nothing'), 3)).toEqual([]);
});
