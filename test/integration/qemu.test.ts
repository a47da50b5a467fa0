import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { firmwareSpeaks } from '../../src/adapters/qmp/qemu-probe.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import {
  BINARY,
  directory,
  diskPath,
  instanceDirectories,
  node,
  processesLeft,
  record,
  start,
  useNodes,
} from './qemu-fixture.ts';

useNodes();

describe('probe', () => {
  test('says version, machine types and CPU models, and why the accelerator was chosen', async () => {
    const facts = await node('node1').probe();
    console.log('probe', facts.version, facts.accelerator, '-', facts.acceleratorReason);
    expect(facts.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(facts.machineTypes).toContain('pc-q35-7.2');
    expect(facts.cpuModels.every((model) => /-v\d+$/.test(model))).toBe(true);
    expect(facts.acceleratorReason).toMatch(facts.accelerator === 'kvm' ? /^KVM is proven/ : /^KVM is not proven: /);
    expect(readdirSync(join(directory, 'node1')).filter((name) => name.startsWith('probe'))).toEqual([]);
  });

  test('notices that firmware runs, and that it does not', async () => {
    const launch = { binary: BINARY, user: null };
    const machine = { accelerator: 'tcg', machineType: 'pc-q35-7.2' } as const;
    const speaks = (cpuModel: string) => firmwareSpeaks({ launch, clock: systemClock }, { ...machine, cpuModel });
    expect(await speaks('qemu64-v1')).toBe(true);
    expect(await speaks('no-such-model')).toBe(false);
  });
});

describe('one QEMU', () => {
  test('starts paused, runs on resume, and tells when the guest stands still no more', async () => {
    const instance = await start(node('node1'), false);
    expect(await instance.runState()).toBe('prelaunch');
    expect(instance.mayHaveRun).toBe(false);
    const seen = record(instance);
    const resumedAtMs = await instance.resume();
    expect(instance.mayHaveRun).toBe(true);
    expect(await instance.runState()).toBe('running');
    expect(seen.events).toEqual([{ kind: 'resumed', atMs: resumedAtMs }]);
    await instance.quit();
    expect(instance.alive).toBe(false);
    expect(seen.events.filter(({ kind }) => kind === 'gone')).toHaveLength(1);
    expect(instanceDirectories('node1')).toEqual([]);
  });

  test('is found again by the next agent, undisturbed, with what was noted about it', async () => {
    const first = node('node1');
    const started = await start(first, false);
    await started.resume();
    first.release();
    const [adopted, ...others] = await node('node1').adopt();
    expect(others).toEqual([]);
    expect(adopted).toMatchObject({
      id: started.id,
      vm: 'WebServer',
      pid: started.pid,
      mayHaveRun: true,
      definitionHash: started.definitionHash,
      incomingMigration: null,
      alive: true,
    });
    expect(await adopted?.runState()).toBe('running');
    await adopted?.kill();
    expect(instanceDirectories('node1')).toEqual([]);
  });

  test('is returned by adopt even while it is frozen, and answers again afterwards', async () => {
    const first = node('node1');
    const started = await start(first, false);
    first.release();
    process.kill(started.pid, 'SIGSTOP');
    const [adopted] = await node('node1').adopt();
    expect(adopted?.alive).toBe(true);
    await expect(adopted?.runState()).rejects.toMatchObject({ code: 'HYPERVISOR_FAILED' });
    process.kill(started.pid, 'SIGCONT');
    expect(await adopted?.runState()).toBe('prelaunch');
  });

  test('that is killed from outside is gone exactly once, with its last words, and leaves nothing', async () => {
    const instance = await start(node('node1'), false);
    const seen = record(instance);
    process.kill(instance.pid, 'SIGKILL');
    await seen.until(({ kind }) => kind === 'gone');
    await instance.kill();
    expect(seen.events.filter(({ kind }) => kind === 'gone')).toHaveLength(1);
    expect(instance.alive).toBe(false);
    await expect(instance.runState()).rejects.toMatchObject({ code: 'HYPERVISOR_FAILED' });
    expect(instanceDirectories('node1')).toEqual([]);
  });

  test('says why it went', async () => {
    const instance = await start(node('node1'), false);
    const seen = record(instance);
    process.kill(instance.pid, 'SIGTERM');
    expect(await seen.until(({ kind }) => kind === 'gone')).toMatchObject({
      lastWords: expect.stringContaining('terminating on signal 15'),
    });
  });

  test.skipIf(process.getuid?.() !== 0)('runs as an unprivileged user that cannot remove its notes', async () => {
    const user = { uid: 64_999, gid: 64_998 };
    chmodSync(directory, 0o711);
    chownSync(diskPath, user.uid, user.gid);
    const instance = await start(node('node1', user), false);
    const status = readFileSync(`/proc/${instance.pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t64999\t64999\t64999\t64999$/m);
    expect(status).toMatch(/^Gid:\t64998\t64998\t64998\t64998$/m);
    expect(status).toMatch(/^Groups:\s*$/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    const notes = join(directory, 'node1', 'vms', instance.id, 'notes.json');
    const remove = ['--reuid', '64999', '--regid', '64998', '--clear-groups', 'rm', '-f', notes];
    expect(() => execFileSync('setpriv', remove, { stdio: 'pipe' })).toThrow();
    await instance.resume();
    expect(await instance.runState()).toBe('running');
    await instance.kill();
    expect(instanceDirectories('node1')).toEqual([]);
  });

  test('that cannot start leaves nothing, and the error has its words', async () => {
    const disks = [{ id: 'disk0', path: join(directory, 'absent.qcow2'), format: 'qcow2', sizeBytes: 1 } as const];
    await expect(start(node('node1'), false, { disks })).rejects.toMatchObject({
      code: 'HYPERVISOR_FAILED',
      message: expect.stringContaining('absent.qcow2'),
    });
    expect(instanceDirectories('node1')).toEqual([]);
    expect(processesLeft()).toBe('');
  });
});
