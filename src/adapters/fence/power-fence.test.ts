import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isAlive, processIdentity } from '../processes/detached-process.ts';
import { createPowerFence } from './power-fence.ts';

const PASSWORD = 'hunter2-secret';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'godwit-fence-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const file = (name: string) => join(directory, name);
const read = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8') : '');

/** A fence agent in shell. It notes its input and its command line; `body` sees $action, and the power in the file `power`. */
function agent(name: string, body: string): void {
  const script = `#!/bin/sh
cd ${directory}
echo "$0 $*" >> arguments
input=$(cat)
echo "$input" >> input
action=$(echo "$input" | sed -n 's/^action=//p' | tail -1)
echo "$action" >> actions
${body}
`;
  writeFileSync(file(name), script, { mode: 0o755 });
}

/** One that does what it is told. */
const OBEDIENT = `case $action in
  on|off) echo $action > power; exit 0 ;;
  status) if [ "$(cat power)" = off ]; then echo "Status: OFF"; exit 2; fi; echo "Status: ON"; exit 0 ;;
esac
exit 1`;

const device = (options: Record<string, string> = {}) => ({
  agent: 'fence_fake',
  options: { ip: '10.77.0.201', username: 'admin', password: PASSWORD, ...options },
});
const fence = () => createPowerFence([directory]);

describe('createPowerFence', () => {
  test('switches off, and asks the controller before it says so', async () => {
    agent('fence_fake', OBEDIENT);
    expect(await fence().powerOff('node1', device(), 5000)).toMatchObject({ state: 'off' });
    expect(read('actions')).toBe('off\nstatus\n');
    expect(await fence().powerOn('node1', device(), 5000)).toMatchObject({ state: 'on' });
    expect(await fence().status('node1', device(), 5000)).toMatchObject({ state: 'on' });
  });

  test('gives everything on standard input and nothing on the command line', async () => {
    agent('fence_fake', OBEDIENT);
    await fence().powerOff('node1', device(), 5000);
    expect(read('arguments')).not.toContain(PASSWORD);
    expect(read('arguments').split('\n')[0]?.trim()).toMatch(/fence_fake$/);
    expect(read('input')).toContain(`ip=10.77.0.201\nusername=admin\npassword=${PASSWORD}\naction=off\n`);
  });

  test('never passes on an action, a method or a place for a debug log from the configuration', async () => {
    agent('fence_fake', OBEDIENT);
    await fence().powerOff('node1', device({ action: 'reboot', method: 'cycle', debug_file: file('debug') }), 5000);
    expect(read('input')).not.toMatch(/reboot|cycle|debug/);
    expect(read('actions')).toBe('off\nstatus\n');
  });

  test('does not let a value add a line of its own', async () => {
    agent('fence_fake', OBEDIENT);
    await fence().powerOff('node1', device({ plug: '1\naction=reboot' }), 5000);
    expect(read('input')).not.toContain('reboot');
  });

  test('asks again until the power is off: a controller takes its time', async () => {
    agent(
      'fence_fake',
      `[ $action = off ] && exit 0
n=$(grep -c status actions); [ $n -ge 3 ] && { echo "Status: OFF"; exit 2; }; echo "Status: ON"; exit 0`,
    );
    expect(await fence().powerOff('node1', device(), 10_000)).toMatchObject({ state: 'off' });
    expect(read('actions')).toBe('off\nstatus\nstatus\nstatus\n');
  });

  test('does not believe an agent that says it has switched off while the power is on', async () => {
    agent('fence_fake', '[ $action = off ] && exit 0; echo "Status: ON"; exit 0');
    expect(await fence().powerOff('node1', device(), 300)).toMatchObject({ state: 'on' });
  });

  test('takes an interpreter that ends with status 2 for no answer', async () => {
    agent('fence_fake', 'echo "python3: cannot open file" >&2; exit 2');
    const answer = await fence().powerOff('node1', device(), 300);
    expect(answer).toMatchObject({ state: 'unknown' });
    expect(answer.reason).toContain('cannot open file');
  });

  test('keeps the password out of the reason', async () => {
    agent('fence_fake', `echo "ipmitool -P ${PASSWORD}: no route to host" >&2; exit 1`);
    const { reason } = await fence().status('node1', device(), 5000);
    expect(reason).toContain('no route to host');
    expect(reason).not.toContain(PASSWORD);
  });

  test('ends an agent that hangs, with all that it has started', async () => {
    agent('fence_fake', 'sleep 1000 & echo $! > child; echo $$ > self; wait');
    const answer = await fence().powerOff('node1', device(), 500);
    expect(answer).toMatchObject({ state: 'unknown' });
    expect(answer.reason).toContain('in time');
    for (const name of ['self', 'child']) {
      const pid = Number(read(name));
      expect(pid).toBeGreaterThan(1);
      const identity = processIdentity(pid);
      await expect.poll(() => identity === undefined || !isAlive(identity)).toBe(true);
    }
  });

  test.each([
    ['fence_absent', 'is not installed'],
    ['../../bin/sh', 'is not the name'],
    ['sh', 'is not the name'],
  ])('says of "%s" that it %s', async (name, words) => {
    const answer = await fence().powerOff('node1', { agent: name, options: {} }, 300);
    expect(answer).toMatchObject({ state: 'unknown' });
    expect(answer.reason).toContain(words);
  });
});
