/** The watchdog of this machine: a device that resets it when nothing was written to it for the time its driver granted. */
import { closeSync, constants, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';

export interface WatchdogPaths {
  /** "/dev/watchdog" */
  readonly device: string;
  /** Says the granted timeout in seconds. */
  readonly timeoutFile: string;
  /** Exists while the device is armed, so that whoever supervises the guard does not start another one in its place: the device decides then. */
  readonly armedFile: string;
}

const PET = Buffer.from('1');
/** The drivers' word for "this end is meant", followed by closing. */
const MAGIC_CLOSE = Buffer.from('V');

export class Watchdog {
  readonly #paths: WatchdogPaths;
  readonly #say: (text: string) => void;
  #file: number | null = null;
  #grantedMs: number | null = null;
  /** The last write failed: until one succeeds nobody may rely on the device. */
  #failed = false;

  constructor(paths: WatchdogPaths, say: (text: string) => void) {
    this.#paths = paths;
    this.#say = say;
  }

  get armed(): boolean {
    return this.#file !== null;
  }

  /** What the driver granted; null: not armed, or it does not work. */
  get grantedMs(): number | null {
    return this.armed && !this.#failed ? this.#grantedMs : null;
  }

  /** Opens the device, which starts it, and keeps it open. Returns whether it is armed; without effect if it was. */
  arm(): boolean {
    if (this.#file !== null) return true;
    const { armedFile, device, timeoutFile } = this.#paths;
    try {
      // Must not wait, as for a device whose other side is missing.
      this.#file = openSync(device, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      this.#say(`the watchdog ${device} cannot be opened: ${String(error)}`);
      return false;
    }
    this.#failed = false;
    this.pet();
    writeFileSync(armedFile, '');
    // Read when it runs: some drivers settle the time only then.
    this.#grantedMs = readSeconds(timeoutFile, this.#say);
    this.#say(`the watchdog ${device} is armed: ${this.#grantedMs ?? 'unknown'} ms`);
    return true;
  }

  pet(): void {
    if (this.#file === null) return;
    try {
      writeSync(this.#file, PET);
      if (this.#failed) this.#say('the watchdog can be written to again');
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) this.#say(`the watchdog cannot be written to: ${String(error)}`);
      this.#failed = true;
    }
  }

  /** Only where no VM is left that it could have to stop. */
  disarm(): void {
    if (this.#file === null) return;
    try {
      writeSync(this.#file, MAGIC_CLOSE);
    } catch (error) {
      this.#say(`the watchdog did not take its end: ${String(error)}`);
    }
    closeSync(this.#file);
    this.#file = null;
    rmSync(this.#paths.armedFile, { force: true });
    this.#say('the watchdog is disarmed');
  }
}

function readSeconds(file: string, say: (text: string) => void): number | null {
  try {
    const seconds = Number(readFileSync(file, 'utf8').trim());
    if (Number.isFinite(seconds) && seconds > 0) return seconds * 1000;
    say(`${file} does not say how many seconds were granted`);
  } catch (error) {
    say(`the granted timeout cannot be read: ${String(error)}`);
  }
  return null;
}
