/** Talks to the control port of a lab's guest, from the lab's client machine. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { MEBIBYTE } from '../src/model/units.ts';
import type { Scenario } from './bench-plan.ts';

const run = promisify(execFile);
const CONTROL_PORT = 9;
const BOOT_TIMEOUT_MS = 180_000;
const FILL_TIMEOUT_MS = 180_000;
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
  const giveUpAt = Date.now() + BOOT_TIMEOUT_MS;
  for (;;) {
    await sleep(LOAD_SETTLES_MS);
    const status = JSON.parse(await ask(guest, 'status')) as { load?: { reachedBytesPerSecond?: number } | null };
    if (status.load === null) throw new Error(`${guest.name} has too little memory for ${load.mebibytes} MiB of load.`);
    if (status.load?.reachedBytesPerSecond !== undefined) return status.load.reachedBytesPerSecond;
    if (Date.now() > giveUpAt) throw new Error(`${guest.name} did not begin with its load.`);
  }
}

/** Returns when the memory is full. It stays so, on whatever node the guest is. */
export async function fillMemory(guest: Guest, fill: NonNullable<Scenario['fill']>): Promise<void> {
  await ask(guest, `fill ${fill.mebibytes} ${fill.content}`);
  const giveUpAt = Date.now() + FILL_TIMEOUT_MS;
  for (;;) {
    await sleep(1000);
    const status = JSON.parse(await ask(guest, 'status')) as { fill?: { filledBytes?: number } | null };
    if (status.fill === null) throw new Error(`${guest.name} has too little memory for ${fill.mebibytes} MiB.`);
    if ((status.fill?.filledBytes ?? 0) >= fill.mebibytes * MEBIBYTE) return;
    if (Date.now() > giveUpAt) throw new Error(`${guest.name} did not fill its memory.`);
  }
}

export async function emptyMemory(guest: Guest): Promise<void> {
  await ask(guest, 'fill 0');
}

export async function stopLoad(guest: Guest, load: Scenario['load']): Promise<void> {
  if (load !== null) await ask(guest, 'load stop');
}
