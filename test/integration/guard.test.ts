import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GuardFixture, makeGuardFixture, now, until } from './guard-fixture.ts';

let fixture: GuardFixture;
beforeEach(async () => {
  fixture = await makeGuardFixture();
});
afterEach(() => fixture.close());

/** Whether it has stopped for good: nothing is counted any more. */
async function standsStill(count: () => number): Promise<boolean> {
  const before = count();
  await sleep(200);
  return count() === before;
}

const isFrozen = () => readFileSync(join(fixture.cgroup, 'ha-vms/cgroup.events'), 'utf8').includes('frozen 1');

describe('the guard', () => {
  it('freezes the highly available VMs at the deadline, no others, and lets them go on when it is extended', async () => {
    fixture.startGuard({ watchdog: false });
    const link = await fixture.connect();
    expect(link.status()).toMatchObject({ watchdogMs: null, frozen: false, authorityUntilMs: null });
    link.extend(now() + 1000);
    const one = await fixture.startCounter('one');
    const other = await fixture.startCounter('other', false);
    expect(isFrozen()).toBe(false);
    await until('the VMs are frozen', isFrozen);
    await until('it says so', () => link.status()?.frozen === true);
    expect(await standsStill(one)).toBe(true);
    expect(await standsStill(other)).toBe(false);
    // An agent that is just starting a VM does not slip through either.
    await fixture.start('two', `echo ran >${fixture.directory}/two`);
    expect(fixture.slices.isFrozen('two')).toBe(true);
    expect(existsSync(join(fixture.directory, 'two'))).toBe(false);

    fixture.slices.holdFrozen('one');
    link.extend(now() + 3000);
    await until('the other VM goes on', () => existsSync(join(fixture.directory, 'two')));
    expect(await standsStill(one)).toBe(true);
    fixture.slices.thaw('one');
    expect(await standsStill(one)).toBe(false);
    expect(link.status()?.frozen).toBe(false);
  });

  it('takes no deadline that is further away than a heartbeat could give, no shorter one, and an end at once', async () => {
    fixture.startGuard({ watchdog: false });
    const link = await fixture.connect();
    const before = now();
    link.extend(before + 3_600_000);
    await until('it has a deadline', () => link.status()?.authorityUntilMs !== null);
    const granted = link.status()?.authorityUntilMs ?? 0;
    expect(granted).toBeGreaterThanOrEqual(before + 3500);
    expect(granted).toBeLessThan(now() + 3500);
    const one = await fixture.startCounter('one');
    link.extend(now() + 10);
    await sleep(600);
    expect(link.status()).toMatchObject({ frozen: false, authorityUntilMs: granted });
    link.end();
    await until('the VMs are frozen', isFrozen);
    expect(now()).toBeLessThan(granted);
    expect(await standsStill(one)).toBe(true);
  });

  it('does not touch the watchdog before an agent asks for authority, and keeps it quiet from then on', async () => {
    fixture.startGuard({ watchdog: true });
    const link = await fixture.connect();
    await sleep(700);
    expect(fixture.pets()).toBe('');
    link.extend(null);
    await until('the watchdog is armed', () => link.status()?.watchdogMs === 2000);
    expect(fixture.pets()).not.toBe('');
    // Without a deadline, with one, and while all stands still after its end.
    await until('it is petted', () => fixture.pets() !== '');
    link.extend(now() + 200);
    await fixture.startCounter('one');
    await until('the VMs are frozen', isFrozen);
    fixture.pets();
    await until('it is petted while they are frozen', () => fixture.pets() !== '');
    expect(await link.goodbye()).toBe(false);
    expect(await fixture.slices.kill('one', 5000)).toBe(true);
    expect(await link.goodbye()).toBe(true);
    expect(fixture.pets().endsWith('V')).toBe(true);
    expect(link.status()?.watchdogMs).toBeNull();
  });

  it('kills what does not stand still, and goes on keeping the watchdog quiet', async () => {
    fixture.startGuard({ watchdog: true });
    const link = await fixture.connect();
    link.extend(now() + 1500);
    const storage = fixture.hangingStorage(false);
    const pid = await fixture.start('one', `exec stat ${storage}`);
    await until('it waits for storage', () => waitsInKernel(pid));
    await until('it was killed', () => fixture.slices.highlyAvailable().length === 0);
    expect(fixture.log()).toContain('they are killed');
    fixture.pets();
    await until('the watchdog is petted', () => fixture.pets() !== '');
  });

  it('lets the watchdog reset the node when something can neither be stopped nor killed', async () => {
    fixture.startGuard({ watchdog: true });
    const link = await fixture.connect();
    const storage = fixture.hangingStorage(true);
    link.extend(now() + 2000);
    const pid = await fixture.start('one', `exec stat ${storage}/x`);
    await until('its request was taken', () => fixture.takeRequest());
    await until('it waits for storage', () => waitsInKernel(pid));
    await until('it was killed', () => fixture.log().includes('they are killed'));
    fixture.pets();
    await sleep(2000);
    expect(fixture.pets()).toBe('');
    expect(fixture.slices.highlyAvailable()).toEqual(['one']);
  });

  it('is told the newest deadline again after it was killed, and freezes what it finds until then', async () => {
    fixture.startGuard({ watchdog: false });
    const link = await fixture.connect();
    link.extend(null);
    const one = await fixture.startCounter('one');
    const { guardId } = link.status() ?? {};
    fixture.guard?.kill('SIGKILL');
    await until('the link has noticed', () => link.status() === null);
    link.close();
    fixture.startGuard({ watchdog: false });
    await until('the VMs are frozen', isFrozen);
    expect(await standsStill(one)).toBe(true);
    const next = await fixture.connect();
    expect(next.status()?.guardId).not.toBe(guardId);
    next.extend(null);
    await until('they go on', () => !isFrozen());
    fixture.guard?.kill('SIGKILL');
    fixture.startGuard({ watchdog: false });
    await until(
      'the next guard lets them go on without being asked again',
      () => next.status() !== null && !isFrozen(),
    );
  });

  it('is never asked for a time without end by mistake', async () => {
    fixture.startGuard({ watchdog: false });
    const link = await fixture.connect();
    expect(() => link.extend(Number.NaN)).toThrow('no time');
    expect(() => link.extend(Number.POSITIVE_INFINITY)).toThrow('no time');
  });
});

function waitsInKernel(pid: number): boolean {
  return /^State:\tD/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

it('a VM starts although what ran before it was held frozen until it ended', async () => {
  await fixture.startCounter('one');
  fixture.slices.holdFrozen('one');
  await until('it is frozen', () => fixture.slices.isFrozen('one'));
  expect(fixture.slices.highlyAvailable()).toEqual(['one']);
  expect(await fixture.slices.kill('one', 5000)).toBe(true);
  expect(fixture.slices.highlyAvailable()).toEqual([]);
  writeFileSync(join(fixture.directory, 'one'), '0');
  await fixture.startCounter('one');
  await until('it counts', () => readFileSync(join(fixture.directory, 'one'), 'utf8') !== '0');
  fixture.slices.remove('one');
  expect(fixture.slices.highlyAvailable()).toEqual(['one']);
});
