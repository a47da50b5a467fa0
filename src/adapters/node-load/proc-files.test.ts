import { describe, expect, test } from 'vitest';
import {
  parseCpuLimit,
  parseCpuTimes,
  parseDevices,
  parseField,
  parseMemory,
  parseProcessTicks,
} from './proc-files.ts';

describe("the kernel's files", () => {
  test('CPU times leave waiting for disks out and do not count guests twice', () => {
    const text = 'cpu  100 10 50 800 40 0 0 0 90 5\ncpu0 1 1 1 1 1 1 1 1 1 1\nintr 5\n';
    expect(parseCpuTimes(text)).toEqual({ busyTicks: 160, totalTicks: 1000 });
    expect(parseCpuTimes('intr 5\n')).toBeNull();
  });

  test('memory is in bytes', () => {
    const text = 'MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:    4000 kB\n';
    expect(parseMemory(text)).toEqual({ totalBytes: 16_384_000, availableBytes: 4_096_000 });
  });

  test('devices, whose counters may touch the colon', () => {
    const head = 'Inter-|   Receive  |  Transmit\n face |bytes packets errs\n';
    const text = `${head}    lo: 1 0 0 0 0 0 0 0 1 0\n  eth0:1234 5 0 0 0 0 0 0 99 1 0 0 0 0 0 0\n`;
    expect(parseDevices(text)).toEqual([
      { device: 'lo', received: 1, sent: 1 },
      { device: 'eth0', received: 1234, sent: 99 },
    ]);
  });

  test('the ticks of a process with a strange name', () => {
    const text = '17 (qemu (VM) 1) S 1 17 17 0 -1 4194560 1 2 3 4 700 30 0 0 20 0 4 0 1';
    expect(parseProcessTicks(text)).toBe(730);
  });

  test('control groups', () => {
    expect(parseField('usage_usec 17\nuser_usec 9\n', 'usage_usec')).toBe(17);
    expect(parseField('user_usec 9\n', 'usage_usec')).toBeNull();
    expect(parseCpuLimit('max 100000\n')).toBeNull();
    expect(parseCpuLimit('150000 100000\n')).toBe(1.5);
  });
});
