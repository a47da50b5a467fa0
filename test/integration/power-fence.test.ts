import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createPowerFence } from '../../src/adapters/fence/power-fence.ts';
import type { NodeFencing } from '../../src/model/authority.ts';

/** Debian's fence_ipmilan against a management controller that speaks real IPMI over LAN: `ipmi_sim` of the package openipmi. */
const PASSWORD = 'bmc-pass-1';

let directory: string;
let port: number;
let simulator: ChildProcess;

const file = (name: string) => join(directory, name);
const actions = () => readFileSync(file('actions'), 'utf8').split('\n').filter(Boolean);

/** The machine behind the controller: its power is a file. Each thing done to it is noted. */
const CHASSIS = `cd "$1"; shift
while [ $# -gt 0 ]; do
  case "$1 $2" in
    'get power') echo power:$(cat power); shift 2 ;;
    'get boot') echo boot:default; shift 2 ;;
    get*) shift 2 ;;
    *) echo "$2 $3" >> actions; if [ "$2" = power ]; then printf %s "$3" > power; fi; shift 3 ;;
  esac
done
`;

function device(options: Record<string, string> = {}): NodeFencing {
  return {
    agent: 'fence_ipmilan',
    options: {
      ...{ ip: '127.0.0.1', ipport: `${port}`, username: 'admin', password: PASSWORD, lanplus: '1', cipher: '3' },
      ...options,
    },
  };
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'godwit-bmc-'));
  port = await freePort();
  writeFileSync(file('chassis.sh'), CHASSIS);
  writeFileSync(file('lan.conf'), lanConfig());
  writeFileSync(
    file('sim.emu'),
    'mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\nsel_enable 0x20 1000 0x0a\nmc_enable 0x20\n',
  );
  simulator = spawn('ipmi_sim', ['-c', file('lan.conf'), '-f', file('sim.emu'), '-s', directory, '-n'], {
    stdio: 'ignore',
  });
  writeFileSync(file('power'), '1');
  await vi.waitFor(async () => expect(await status(device())).toMatchObject({ state: 'on' }), { timeout: 30_000 });
});

afterAll(async () => {
  const ended = new Promise((resolve) => simulator.once('close', resolve));
  simulator.kill('SIGKILL');
  await ended;
  rmSync(directory, { recursive: true, force: true });
});

beforeEach(() => {
  writeFileSync(file('power'), '1');
  writeFileSync(file('actions'), '');
});

function lanConfig(): string {
  return [
    ...['name "node"', 'set_working_mc 0x20', 'startlan 1', `addr 127.0.0.1 ${port}`, 'priv_limit admin'],
    ...['callback', 'user', 'operator', 'admin'].map((level) => `allowed_auths_${level} md5`),
    ...['guid a123456789abcdefa123456789abcdef', 'endlan'],
    `chassis_control "sh ${file('chassis.sh')} ${directory}"`,
    `user 2 true "admin" "${PASSWORD}" admin 10 md5`,
    '',
  ].join('\n');
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port: free } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return free;
}

const fence = createPowerFence();
const status = (of: NodeFencing) => fence.status('node1', of, 10_000);

describe('fence_ipmilan', () => {
  test('switches a machine off, once, and says so when the controller does', async () => {
    expect(await fence.powerOff('node1', device(), 30_000)).toMatchObject({ state: 'off' });
    expect(readFileSync(file('power'), 'utf8')).toBe('0');
    expect(actions()).toEqual(['power 0']);
    expect(await status(device())).toMatchObject({ state: 'off' });
  });

  test('says of a machine that is off already that it is off', async () => {
    writeFileSync(file('power'), '0');
    expect(await fence.powerOff('node1', device(), 30_000)).toMatchObject({ state: 'off' });
    expect(readFileSync(file('power'), 'utf8')).toBe('0');
  });

  test('never cycles the power, whatever the configuration asks for', async () => {
    const asked = device({ method: 'cycle', action: 'reboot' });
    expect(await fence.powerOff('node1', asked, 30_000)).toMatchObject({ state: 'off' });
    expect(actions()).toEqual(['power 0']);
  });

  test('switches a machine on', async () => {
    writeFileSync(file('power'), '0');
    expect(await fence.powerOn('node1', device(), 30_000)).toMatchObject({ state: 'on' });
    expect(actions()).toEqual(['power 1']);
  });

  test('proves nothing with a wrong password, and does not tell it', async () => {
    const answer = await status(device({ password: 'wrong-secret' }));
    expect(answer).toMatchObject({ state: 'unknown' });
    expect(answer.reason).toMatch(/^fence_ipmilan /);
    expect(answer.reason).not.toContain('wrong-secret');
  });

  test('proves nothing when nobody answers, and ends by its deadline', async () => {
    const nobody = device({ ipport: `${await freePort()}` });
    expect(await fence.powerOff('node1', nobody, 2000)).toMatchObject({ state: 'unknown' });
    expect(actions()).toEqual([]);
  });
});
