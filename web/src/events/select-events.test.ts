import { expect, test } from 'vitest';
import type { EventView } from '../../../src/contract/events.ts';
import { passes, selectEvents } from './select-events.ts';

function event(id: string, more: Partial<EventView> = {}): EventView {
  const base = { id, at: '2026-01-01T00:00:00Z', by: 'node1', kind: 'node-silent', critical: false } as const;
  return { ...base, node: null, vm: null, text: `Event ${id}.`, reason: '', ...more };
}

test('live events stand above the loaded ones, each once', () => {
  const shown = selectEvents([event('E1'), event('E2')], [event('E3'), event('E2')], {});
  expect(shown.map(({ id }) => id)).toEqual(['E3', 'E2', 'E1']);
});

test('a late event of a node that was cut off stands at the time at which it happened', () => {
  const shown = selectEvents([event('E1'), event('E5')], [event('E3')], {});
  expect(shown.map(({ id }) => id)).toEqual(['E5', 'E3', 'E1']);
});

test('live events must pass the filters as the loaded ones did', () => {
  const live = [event('E2', { vm: 'WebServer', critical: true }), event('E3', { vm: 'WebServer' }), event('E4')];
  expect(selectEvents([], live, { vm: 'WebServer', critical: true }).map(({ id }) => id)).toEqual(['E2']);
  expect(passes(event('E1', { reason: 'Its power is OFF.' }), { text: 'power is off' })).toBe(true);
  expect(passes(event('E1'), { text: 'power' })).toBe(false);
  expect(passes(event('E1'), { kind: 'node-fenced' })).toBe(false);
  expect(passes(event('E1', { node: 'node2' }), { node: 'node1' })).toBe(false);
});
