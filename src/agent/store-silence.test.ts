import { expect, test } from 'vitest';
import { saidEvents } from '../../test/doubles/failover-node.ts';
import type { ClusterView } from './cluster-view.ts';
import { tellStoreSilence } from './store-silence.ts';

test('a database that falls silent is said once, as critical, and so is its return', () => {
  let fresh = true;
  let changed: () => void = () => undefined;
  const view = {
    fresh: () => fresh,
    subscribe: (listener: () => void) => {
      changed = listener;
      return () => undefined;
    },
  } as unknown as ClusterView;
  const events = saidEvents();
  tellStoreSilence('node1', view, events);
  for (const now of [true, false, false, true, true]) {
    fresh = now;
    changed();
  }
  expect(events.said.map(({ kind, critical }) => [kind, critical])).toEqual([
    ['store-unavailable', true],
    ['store-back', false],
  ]);
});
