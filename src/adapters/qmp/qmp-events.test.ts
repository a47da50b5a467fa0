import { describe, expect, test } from 'vitest';
import { instanceEventOf, migrationStatusOf, runStateOf } from './qmp-events.ts';

describe('instanceEventOf', () => {
  test('tells the events that matter apart and drops the rest', () => {
    const told = (event: string, data = {}) => instanceEventOf({ event, atMs: 5, data });
    expect(told('STOP')).toEqual({ kind: 'stopped', atMs: 5 });
    expect(told('RESUME')).toEqual({ kind: 'resumed', atMs: 5 });
    expect(told('MIGRATION', { status: 'completed' })).toEqual({
      kind: 'migration-status',
      status: 'completed',
      atMs: 5,
    });
    expect(told('MIGRATION_PASS', { pass: 3 })).toEqual({ kind: 'migration-round', round: 3, atMs: 5 });
    expect(told('SHUTDOWN', { guest: true })).toEqual({ kind: 'shutdown', byGuest: true, atMs: 5 });
    expect(told('RTC_CHANGE')).toBeNull();
  });
});

describe('states', () => {
  test('an unknown run state is "other", an unknown migration status one that goes on', () => {
    expect(runStateOf('postmigrate')).toBe('postmigrate');
    expect(runStateOf('guest-panicked')).toBe('other');
    expect(migrationStatusOf(undefined)).toBe('none');
    expect(migrationStatusOf('postcopy-active')).toBe('active');
  });
});
