/** Talks to the control port of a lab's guest, from the lab's client machine. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Scenario } from './bench-plan.ts';

const run = promisify(execFile);
const CONTROL_PORT = 9;
const BOOT_TIMEOUT_MS = 180_000;
/** Long enough for a first report of what the load reaches. */
const LOAD_SETTLES_MS = 2500;

const ASK =
  'exec 3<>"/dev/tcp/$1/$2" && printf "%s\\n" "$3" >&3 && IFS= read -r -t 5 answer <&3 && printf "%s" "$answer"';

export interface Guest {
  readonly name: string;
  /** Without prefix length. */
  readonly address: string;
  /** Network namespace from which the guest is reached. */
  readonly from: string;
}

async function ask(guest: Guest, command: string): Promise<string> {
  const shell = ['timeout', '6', 'bash', '-c', ASK, 'bash', guest.address, `${CONTROL_PORT}`, command];
  const { stdout } = await run('ip', ['netns', 'exec', guest.from, ...shell]);
  if (stdout.startsWith('error')) throw new Error(`${guest.name} refused "${command}": ${stdout}`);
  return stdout;
}

export async function waitForGuest(guest: Guest): Promise<void> {
  const giveUpAt = Date.now() + BOOT_TIMEOUT_MS;
  for (;;) {
    try {
      await ask(guest, 'status');
      return;
    } catch (error) {
      if (Date.now() > giveUpAt) throw new Error(`${guest.name} does not answer on its control port`, { cause: error });
      await sleep(1000);
    }
  }
}

/** Changes when the guest starts anew; null if it does not answer. */
export async function bootOf(guest: Guest): Promise<string | null> {
  for (let tries = 0; tries < 3; tries += 1) {
    try {
      return (JSON.parse(await ask(guest, 'status')) as { boot: string }).boot;
    } catch {
      await sleep(500);
    }
  }
  return null;
}

/** Returns what the load reaches, in bytes per second; null without load. */
export async function startLoad(guest: Guest, load: Scenario['load']): Promise<number | null> {
  if (load === null) return null;
  await ask(guest, `load start ${load.mebibytes} ${load.mebibytesPerSecond}`);
  await sleep(LOAD_SETTLES_MS);
  const status = JSON.parse(await ask(guest, 'status')) as { load?: { reachedBytesPerSecond?: number } | null };
  return status.load?.reachedBytesPerSecond ?? null;
}

export async function stopLoad(guest: Guest, load: Scenario['load']): Promise<void> {
  if (load !== null) await ask(guest, 'load stop');
}
