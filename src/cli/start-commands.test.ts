import { describe, expect, test } from 'vitest';
import { startCommands, watchdogNote } from './start-commands.ts';

const FILE = '/etc/godwit/agent.json';
const watchdog = { device: '/dev/watchdog', timeoutFile: '/sys/class/watchdog/watchdog0/timeout' };
const guard = { socket: '/run/godwit/guard.sock', cgroup: '/sys/fs/cgroup/godwit', watchdog };

describe('what is started on a new member', () => {
  test('is the guard with its watchdog, then the agent', () => {
    expect(startCommands({ role: 'node', guard }, FILE)).toEqual([
      'godwit guard --socket /run/godwit/guard.sock --cgroup /sys/fs/cgroup/godwit' +
        ' --watchdog /dev/watchdog --watchdog-timeout-file /sys/class/watchdog/watchdog0/timeout',
      'godwit agent --config /etc/godwit/agent.json',
    ]);
    expect(watchdogNote({ role: 'node', guard })).toBeNull();
  });

  test('is said to be short of a watchdog where there is none', () => {
    const without = { role: 'node', guard: { ...guard, watchdog: null } } as const;
    expect(startCommands(without, FILE)[0]).not.toContain('--watchdog');
    expect(watchdogNote(without)).toContain('no watchdog');
    expect(watchdogNote({ role: 'node', guard: null })).toContain('no guard');
  });

  test('is on a witness nothing else than the witness', () => {
    const witness = { role: 'witness', guard: null } as const;
    expect(startCommands(witness, FILE)).toEqual(['godwit witness --config /etc/godwit/agent.json']);
    expect(watchdogNote(witness)).toBeNull();
  });
});
