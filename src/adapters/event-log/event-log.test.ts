import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../../test/doubles/memory-store.ts';
import type { ClusterEvent } from '../../model/events.ts';
import { EVENTS_PREFIX, eventKey } from '../../model/keys.ts';
import type { NewEvent } from '../../ports/events.ts';
import { sortableId } from '../system/random-ids.ts';
import { createEventLog, type SpooledEventLog } from './event-log.ts';
import { EVENTS_MAX, pruneEvents } from './prune.ts';

let directory: string;
let spoolFile: string;
let store: MemoryStore;
let clock: ManualClock;
const open: SpooledEventLog[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'godwit-events-'));
  spoolFile = join(directory, 'state', 'events.jsonl');
  [store, clock] = [new MemoryStore(), new ManualClock()];
});
afterEach(async () => {
  for (const log of open.splice(0)) await log.close();
  rmSync(directory, { recursive: true, force: true });
});

function start(random = () => 1): SpooledEventLog {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const ids = {
    uuid: () => '',
    migrationId: () => sortableId(clock.wallMs(), new Uint8Array(16)),
    macAddress: () => '',
  };
  const events = createEventLog({ ...{ node: 'node1', spoolFile, store, clock, ids, log }, random });
  open.push(events);
  return events;
}

function happened(text: string, more: Partial<NewEvent> = {}): NewEvent {
  return { kind: 'node-silent', critical: false, node: 'node2', vm: null, text, reason: '', ...more };
}

function stored(): ClusterEvent[] {
  return Object.entries(store.contents()).flatMap(([key, value]) =>
    key.startsWith(EVENTS_PREFIX) ? [value as ClusterEvent] : [],
  );
}

const texts = () => stored().map((event) => event.text);
const spooled = () => readFileSync(spoolFile, 'utf8');

/** Until the spool is as the log has left it. */
async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await turn();
}

describe('createEventLog', () => {
  test('stores what is said, in the order in which it was said, with the time', async () => {
    const events = start();
    for (let i = 0; i < 120; i++) events.say(happened(`event ${i}`));
    await events.close();
    expect(texts()).toEqual(Array.from({ length: 120 }, (_, i) => `event ${i}`));
    expect(stored()[0]).toMatchObject({ by: 'node1', at: new Date(clock.wallMs()).toISOString(), node: 'node2' });
    expect(spooled()).toBe('');
  });

  test('keeps events while the store is away, and the next agent stores them with the time at which they happened', async () => {
    store.setQuorum(false);
    const events = start();
    const at = new Date(clock.wallMs()).toISOString();
    events.say(happened('its authority has ended', { critical: true }));
    await events.close();
    expect(stored()).toEqual([]);
    store.setQuorum(true);
    clock.advance(3_600_000);
    await start().close();
    expect(stored()).toMatchObject([{ text: 'its authority has ended', at, critical: true }]);
    expect(spooled()).toBe('');
  });

  test('tries again by itself', async () => {
    store.setQuorum(false);
    const events = start();
    events.say(happened('first'));
    await settled();
    store.setQuorum(true);
    clock.advance(1000);
    await settled();
    expect(texts()).toEqual(['first']);
  });

  test('stores an event once although an answer was lost', async () => {
    store.mishaps.push('unknown-applied');
    const events = start();
    events.say(happened('first'));
    await events.close();
    expect(texts()).toEqual(['first']);
  });

  test('a spool that was cut off in the middle of a line loses that line only', async () => {
    store.setQuorum(false);
    const events = start();
    events.say(happened('first'));
    events.say(happened('second'));
    await events.close();
    writeFileSync(spoolFile, spooled().slice(0, -20));
    const next = start();
    next.say(happened('third'));
    await next.close();
    store.setQuorum(true);
    await start().close();
    expect(texts()).toEqual(['first', 'third']);
  });

  test('does not grow without end, and keeps what is critical and what is new', async () => {
    store.setQuorum(false);
    const events = start();
    events.say(happened('the end of its authority', { critical: true }));
    for (let i = 0; i < 3000; i++) events.say(happened(`event ${i}`, { reason: 'r'.repeat(900) }));
    await settled();
    await events.close();
    expect(statSync(spoolFile).size).toBeLessThanOrEqual(1024 * 1024);
    store.setQuorum(true);
    await start().close();
    expect(texts()).toContain('the end of its authority');
    expect(texts()).toContain('event 2999');
    expect(texts()).not.toContain('event 0');
  });

  test('does not throw when its disk cannot be written', async () => {
    writeFileSync(join(directory, 'state'), 'a file where the directory should be');
    const events = start();
    events.say(happened('first'));
    await events.close();
    expect(texts()).toEqual(['first']);
  });
});

describe('pruneEvents', () => {
  const put = (count: number, ageMs: (index: number) => number) =>
    store.put(
      Object.fromEntries(
        Array.from({ length: count }, (_, index) => {
          const atMs = clock.wallMs() - ageMs(index);
          const id = sortableId(atMs, new Uint8Array(16).fill(index % 32));
          return [eventKey(id), { ...happened(`${index}`), id, at: new Date(atMs).toISOString(), by: 'node1' }];
        }),
      ),
    );

  test('leaves the newest ones', async () => {
    put(EVENTS_MAX + 250, (index) => index * 1000);
    await pruneEvents(store, clock.wallMs());
    expect(stored()).toHaveLength(EVENTS_MAX);
    expect(texts()).toContain('0');
    expect(texts()).not.toContain(`${EVENTS_MAX}`);
  });

  test('leaves nothing that is older than 30 days', async () => {
    put(40, (index) => index * 86_400_000);
    await pruneEvents(store, clock.wallMs());
    expect(stored()).toHaveLength(31);
  });

  test('is done by agents that say something', async () => {
    put(3, () => 40 * 86_400_000);
    const events = start();
    events.say(happened('new'));
    await events.close();
    expect(texts()).toEqual(['new']);
  });
});
