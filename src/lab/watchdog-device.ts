/** The nodes' end of the lab's watchdog: a FIFO that is written to as the kernel's /dev/watchdog is. */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { labPaths } from './lab-state.ts';

/** What was granted; said by the `timeout` file beside the device. */
export const WATCHDOG_SECONDS = 2;
/** As the last thing that is written it means: there is nothing to reset. */
export const MAGIC_CLOSE = 'V';

/** Without effect where nobody watches. */
export function disarmWatchdog(lab: string, machine: string): void {
  let file: number;
  try {
    file = openSync(labPaths.watchdogDevice(lab, machine), constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    // No device, or nobody at its other end.
    return;
  }
  try {
    writeSync(file, MAGIC_CLOSE);
  } finally {
    closeSync(file);
  }
}
