/** One migration with all that is seen of it, and what the guest takes while nothing moves. */
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measurement, Scenario, Variant } from './bench-plan.ts';
import { readWire, startClient, wireBetween } from './client-machine.ts';
import { bootOf, startLoad, stopLoad } from './guest-control.ts';
import type { Guests } from './guests.ts';
import { bitsPerSecondOf } from './upload-course.ts';

/** What is usual is seen before something changes, and what follows afterwards. */
const CLIENT_BEFORE_MS = 1500;
const CLIENT_AFTER_MS = 2000;
const UPLOAD_ALONE_MS = 4000;
const PAUSE_MS = 700;

export interface Place {
  readonly guests: Guests;
  readonly lab: string;
  readonly link: string;
}

export async function measureOne(place: Place, scenario: Scenario, variant: Variant): Promise<Measurement> {
  const { guests, lab, link } = place;
  const guest = guests.guestOf(variant);
  const loadBytesPerSecond = await startLoad(guest, scenario.load);
  const boot = await bootOf(guest);
  const loadAverage = loadavg()[0] ?? 0;
  const before = await readWire(lab, guest.from);
  const running = await startClient(guest.from, scenario.client, guest.address);
  await sleep(CLIENT_BEFORE_MS);
  const figures = await guests.migrate(variant, scenario.budgetMs);
  await sleep(CLIENT_AFTER_MS);
  const client = (await running?.stop()) ?? null;
  const wire = wireBetween(before, await readWire(lab, guest.from));
  const guestSurvived = boot !== null && (await bootOf(guest)) === boot;
  if (guestSurvived) await stopLoad(guest, scenario.load);
  else await guests.replace(variant);
  await sleep(PAUSE_MS);
  const seen = { client, wire, guestSurvived, loadBytesPerSecond, loadAverage };
  return { ...{ link, scenario: scenario.name, variant }, ...figures, ...seen };
}

/** Bits per second that arrive in a guest that stays where it is; null if it does not answer. */
export async function measureUploadAlone({ guests }: Place, variant: Variant): Promise<number | null> {
  const guest = guests.guestOf(variant);
  const running = await startClient(guest.from, 'upload', guest.address);
  await sleep(UPLOAD_ALONE_MS);
  const figures = await running?.stop();
  return figures?.mode === 'upload' ? bitsPerSecondOf(figures) : null;
}
