import { existsSync, readFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GuardFixture, makeGuardFixture, now, until } from './guard-fixture.ts';
import { node, start, useNodes } from './qemu-fixture.ts';

useNodes();

let fixture: GuardFixture;
beforeEach(async () => {
  fixture = await makeGuardFixture();
});
afterEach(() => fixture.close());

describe('QEMU under a guard', () => {
  it('runs in the group of its VM from the start, at an ordinary priority, and leaves nothing there', async () => {
    const own = getPriority();
    setPriority(-10);
    try {
      const instance = await start(node('grouped', null, fixture.slices), false);
      const group = join(fixture.cgroup, 'ha-vms/vm-WebServer');
      expect(readFileSync(join(group, 'cgroup.procs'), 'utf8').trim()).toBe(`${instance.pid}`);
      expect(getPriority(instance.pid)).toBe(0);
      await instance.kill();
      expect(existsSync(group)).toBe(false);
    } finally {
      setPriority(own);
    }
  });

  it('is paused in an orderly way, frozen, and goes on', async () => {
    fixture.startGuard({ watchdog: false });
    const link = await fixture.connect();
    link.extend(now() + 3500);
    const first = node('frozen', null, fixture.slices);
    const instance = await start(first, false);
    await instance.resume();
    link.end();
    await instance.pause();
    expect(await instance.runState()).toBe('paused');
    await until('it is frozen', () => fixture.slices.isFrozen('WebServer'));
    link.extend(now() + 3500);
    await until('it is thawed', () => !fixture.slices.isFrozen('WebServer'));
    await instance.resume();
    expect(await instance.runState()).toBe('running');
  });
});
