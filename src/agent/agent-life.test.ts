import { expect, test } from 'vitest';
import { MemoryNotes, saidEvents, silentLog } from '../../test/doubles/failover-node.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { AgentLife } from './agent-life.ts';

/** Agents of one node, one after the other. */
function node() {
  const clock = new ManualClock({ sleeps: true });
  const notes = new MemoryNotes();
  const said = saidEvents();
  let closed = 0;
  let store: Promise<void> = Promise.resolve();
  const close = async () => {
    closed += 1;
    await store;
  };
  return {
    ...{ clock, notes, said: said.said },
    closed: () => closed,
    storeIsAway: () => {
      store = new Promise(() => undefined);
    },
    async start(bootId = 'b1') {
      const events = { say: (event: Parameters<typeof said.say>[0]) => said.say(event), close };
      const life = new AgentLife({ node: 'node1', version: '1', bootId, notes, events, clock, log: silentLog });
      await life.started();
      return life;
    },
  };
}

test('a stop on purpose and the start after it are told, and nothing of it is critical', async () => {
  const { start, clock, said, closed } = node();
  const first = await start();
  await clock.pass(1000);
  await Promise.all([first.end(), first.end()]);
  expect(closed()).toBe(1);
  await start();
  expect(said.map(({ kind, critical, reason }) => [kind, critical, reason.split('.')[0]])).toEqual([
    ['agent-started', false, 'It is the first one on this machine'],
    ['agent-stopped', false, 'It was asked to'],
    ['agent-started', false, 'The one before it was asked to stop'],
  ]);
});

test('an agent that had ended by itself is told by the next one, but not a hundred times', async () => {
  const { start, clock, said } = node();
  await start();
  await clock.pass(100_000, 1000);
  for (let crashes = 0; crashes < 100; crashes++) await start();
  expect(said.map(({ critical, reason }) => [critical, reason]).slice(1)).toEqual([
    [true, 'The one before it had ended without being asked to.'],
  ]);
});

test('a boot is no failure of the agent', async () => {
  const { start, said } = node();
  await start();
  await start('b2');
  expect(said.at(-1)).toMatchObject({ critical: false, reason: 'The machine was booted.' });
});

test('ends although the store does not answer', async () => {
  const { start, storeIsAway, clock } = node();
  const life = await start();
  storeIsAway();
  let ended = false;
  void life.end().then(() => {
    ended = true;
  });
  await clock.pass(1900);
  expect(ended).toBe(false);
  await clock.pass(200);
  expect(ended).toBe(true);
});

test('a disk that cannot be written keeps no agent from starting or ending', async () => {
  const { start, notes, said } = node();
  notes.failing = true;
  const life = await start();
  await life.end();
  expect(said.map(({ kind }) => kind)).toEqual(['agent-started', 'agent-stopped']);
});
