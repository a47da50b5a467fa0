import type { Clock } from '../../ports/clock.ts';
import type { Ask } from './migration-channel.ts';
import { isLockError } from './qmp-client.ts';

const TRIES = 3;
const PAUSE_MS = 20;

/** `cont`, which whoever holds a lock on an image may refuse for a moment. Throws what QEMU says to the last try. */
export async function continueGuest(ask: Ask, clock: Clock): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      // Nothing is awaited before this line is written: it is inside the blackout.
      await ask('cont');
      return;
    } catch (error) {
      if (tries === TRIES || !isLockError(error)) throw error;
      await clock.sleep(PAUSE_MS);
    }
  }
}
