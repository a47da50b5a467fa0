import { randomBytes, randomUUID } from 'node:crypto';
import type { Ids } from '../../ports/clock.ts';

// Crockford's base 32: no I, L, O, U.
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_CHARACTERS = 10;
const RANDOM_CHARACTERS = 16;

export const randomIds: Ids = {
  uuid: () => randomUUID(),
  migrationId: () => sortableId(Date.now(), randomBytes(RANDOM_CHARACTERS)),
  // 52:54:00 is locally administered and what QEMU's guests usually have.
  macAddress: () =>
    `52:54:00:${randomBytes(3)
      .toString('hex')
      .replace(/(..)(..)(..)/, '$1:$2:$3')}`,
};

/** 48 bits of time, then five bits of each of 16 random bytes. Ids of one millisecond are in no particular order. */
export function sortableId(wallMs: number, random: Uint8Array): string {
  let time = '';
  let rest = Math.floor(wallMs);
  for (let i = 0; i < TIME_CHARACTERS; i++) {
    time = ALPHABET.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  let tail = '';
  for (const byte of random) tail += ALPHABET.charAt(byte % 32);
  return time + tail;
}
