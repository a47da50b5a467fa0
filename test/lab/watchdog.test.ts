import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  labBmcs,
  labBoot,
  labCrash,
  labCut,
  labDown,
  labExec,
  labFreeze,
  labMend,
  labStatus,
  labUp,
} from '../../src/lab/lab.ts';
import { labPaths } from '../../src/lab/lab-state.ts';
import { initPid } from '../../src/lab/machines.ts';
import { remainsOf } from './machine-remains.ts';

const LAB = `dog-${process.pid}`;
const NODE = 'node1';
/** In place of an agent: asks the guard for authority for as long as it runs. */
const AGENT = [process.execPath, join(import.meta.dirname, 'authority-process.ts'), '/run/godwit/guard.sock'];

const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
const watchdogLog = () => read(labPaths.hardwareLog(LAB));
const guardLog = () => read(labPaths.guardLog(LAB, NODE));

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await holds()) return;
    await sleep(50);
  }
  throw new Error(`after 30 s it was still not so that ${what}; the watchdog's log:\n${watchdogLog()}`);
}

const count = (text: string) => watchdogLog().split(`${NODE}: ${text}`).length - 1;
const stateOfNode = async () => (await labStatus(LAB)).machines.find(({ name }) => name === NODE)?.state;

describe('the watchdog of a lab', () => {
  beforeAll(async () => {
    await labUp({ name: LAB, nodes: 1, agentCommand: AGENT, watchdog: true });
    await until('the node has armed it', () => count('armed') === 1);
  });
  afterAll(async () => {
    await labDown(LAB);
    expect(await remainsOf(LAB)).toEqual([]);
  });

  test('resets a node whose guard was killed, and not one that lives', async () => {
    const before = await initPid(LAB, NODE);
    await sleep(3000);
    expect(await initPid(LAB, NODE)).toBe(before);
    const pids = [...guardLog().matchAll(/runs with process id (\d+)/g)];
    await labExec(LAB, NODE, ['kill', '-KILL', pids.at(-1)?.[1] ?? '']);
    await until('the node was reset', () => count('switched on again') === 1);
    expect(await stateOfNode()).toBe('up');
    expect(await initPid(LAB, NODE)).not.toBe(before);
    await until('the new boot has armed it', () => count('armed') === 2);
    // Nobody started another guard while the reset was due.
    expect(guardLog().split('runs with process id').length - 1).toBe(pids.length + 1);
  });

  test('resets a node that hangs', async () => {
    await labFreeze(LAB, NODE);
    await until('the node was reset', () => count('switched on again') === 2);
    expect(await stateOfNode()).toBe('up');
    await until('the new boot has armed it', () => count('armed') === 3);
  });

  test('leaves a node alone that has lost its power, until it is switched on', async () => {
    await labCrash(LAB, NODE);
    await until('it is disarmed', () => count('disarmed') === 1);
    await sleep(2500);
    expect(await stateOfNode()).toBe('crashed');
    await labBoot(LAB, NODE);
    await until('the new boot has armed it', () => count('armed') === 4);
    expect(watchdogLog().split('it is reset').length - 1).toBe(2);
  });

  test('the management controller switches it off and on, also while its cables are cut', async () => {
    const [bmc] = await labBmcs(LAB);
    const { ip = '', username = '', password = '' } = bmc?.options ?? {};
    const login = ['-a', ip, '-l', username, '-p', password, '-P', '-C', '3', '--power-wait', '0'];
    const fence = (action: string) => labExec(LAB, 'witness', ['fence_ipmilan', ...login, '-o', action]);
    const OFF = 2;
    await labCut(LAB, NODE);
    expect(await fence('status')).toBe(0);
    expect(await fence('off')).toBe(0);
    expect(await stateOfNode()).toBe('crashed');
    expect(await fence('status')).toBe(OFF);
    expect(await fence('on')).toBe(0);
    // Its power is on before it has booted.
    await until('it has booted, cut off as before', async () => (await stateOfNode()) === 'cut');
    await labMend(LAB, NODE);
    expect(await stateOfNode()).toBe('up');
  });
});
