/** QEMU's own measurement of how fast the guest rewrites its memory. */
import { GodwitError } from '../../model/errors.ts';
import { MEBIBYTE } from '../../model/units.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ask } from './migration-channel.ts';

const MEASURED_SECONDS = 1;
/** Per GiB, and the most QEMU takes: of a guest with 256 MiB it looks at 1024 pages. */
const SAMPLE_PAGES_PER_GIB = 4096;
const POLL_PERIOD_MS = 100;
/** The second in which it looks, and time for a busy node. */
const TIMEOUT_MS = 5000;

interface QueryDirtyRate {
  readonly status: 'unstarted' | 'measuring' | 'measured';
  /** MiB per second, whole numbers. */
  readonly 'dirty-rate'?: number;
}

/**
 * Bytes per second, or null if `undisturbed` was false at any time. The first thing it does, synchronously, is to ask
 * `undisturbed` and to send the command, so that nothing comes between the two.
 *
 * By sampling: the guest is not slowed down, and no dirty bitmap is touched that a migration needs. (`dirty-bitmap` finds everything
 * dirty when it begins.)
 */
export async function measureDirtyRate(ask: Ask, clock: Clock, undisturbed: () => boolean): Promise<number | null> {
  if (!undisturbed()) return null;
  await ask('calc-dirty-rate', {
    'calc-time': MEASURED_SECONDS,
    'sample-pages': SAMPLE_PAGES_PER_GIB,
    mode: 'page-sampling',
  });
  const giveUpAtMs = clock.monotonicMs() + TIMEOUT_MS;
  await clock.sleep(MEASURED_SECONDS * 1000);
  while (undisturbed()) {
    const reply = (await ask('query-dirty-rate')) as QueryDirtyRate;
    if (!undisturbed()) return null;
    const { status, 'dirty-rate': mebibytesPerSecond } = reply;
    if (status === 'measured' && mebibytesPerSecond !== undefined) return Math.max(0, mebibytesPerSecond) * MEBIBYTE;
    if (clock.monotonicMs() > giveUpAtMs) throw neverMeasured();
    await clock.sleep(POLL_PERIOD_MS);
  }
  return null;
}

function neverMeasured(): GodwitError {
  return new GodwitError({
    code: 'HYPERVISOR_FAILED',
    message: `QEMU did not measure the dirty rate within ${TIMEOUT_MS} ms.`,
    state: 'The guest is untouched.',
    nextStep: 'Measure it again when the node is less busy.',
  });
}
