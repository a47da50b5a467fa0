import { describe, expect, test } from 'vitest';
import { MEBIBYTE } from '../../model/units.ts';
import { guestMemoryAddress } from './guest-memory.ts';

// As QEMU 7.2 has it: 64 MiB and 8 KiB of memory between pages that nobody may touch, the translation cache of TCG, a stack.
const MAPS = `55d0c0a00000-55d0c0f00000 r-xp 00000000 fe:00 1311                       /usr/bin/qemu-system-x86_64
55d0c2c00000-55d0c2d00000 rw-p 00000000 00:00 0                          [heap]
7f3e70000000-7f3ea0000000 rwxp 00000000 00:00 0 
7f3ef7600000-7f3efb602000 rw-p 00000000 00:00 0 
7f3efb602000-7f3efb603000 ---p 00000000 00:00 0 
7f3efb800000-7f3efba00000 rw-p 00000000 00:00 0 
7ffd5b3c5000-7ffd5b3e7000 rw-p 00000000 00:00 0                          [stack]
`;
const BYTES = 64 * MEBIBYTE + 8192;

describe('guestMemoryAddress', () => {
  test('finds the mapping of exactly the size of the memory', () => {
    expect(guestMemoryAddress(MAPS, BYTES)).toBe(0x7f3ef7600000);
  });

  test.each([
    ['a file in memory', 'rw-s', '/memfd:memory-backend-memfd (deleted)'],
    ['huge pages', 'rw-s', '/dev/hugepages/qemu_back_mem.ram0 (deleted)'],
    ['named anonymous memory', 'rw-p', '[anon:ram]'],
  ])('finds %s', (_what, access, name) => {
    const line = `7f0000000000-7f0004000000 ${access} 00000000 00:0f 77    ${name}\n`;
    expect(guestMemoryAddress(MAPS + line, 64 * MEBIBYTE)).toBe(0x7f0000000000);
  });

  test('takes no mapping of another file, and none that is executable or inaccessible', () => {
    const others = `7f0000000000-7f0004000000 rw-s 00000000 fe:00 77 /var/lib/other
7f1000000000-7f1004000000 rwxp 00000000 00:00 0 
7f2000000000-7f2004000000 ---p 00000000 00:00 0 
`;
    expect(() => guestMemoryAddress(others, 64 * MEBIBYTE)).toThrow('0 of its mappings');
  });

  test('does not guess between two', () => {
    const second = `7f0000000000-7f0004002000 rw-p 00000000 00:00 0 \n`;
    expect(() => guestMemoryAddress(MAPS + second, BYTES)).toThrow('2 of its mappings');
  });
});
