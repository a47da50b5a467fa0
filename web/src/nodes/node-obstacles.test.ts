import { expect, test } from 'vitest';
import type { NodeView } from '../../../src/contract/cluster.ts';
import { nodeObstacle } from './node-obstacles.ts';

function node(changes: Partial<NodeView>): NodeView {
  return { ...({ name: 'node1', role: 'node', state: 'up', vms: ['WebServer'] } as unknown as NodeView), ...changes };
}

test('a node that lives can be paused and drained, not evicted or called dead', () => {
  const up = node({});
  expect(nodeObstacle('pause', up)).toBeNull();
  expect(nodeObstacle('drain', up)).toBeNull();
  expect(nodeObstacle('resume', up)).toBe('notPaused');
  expect(nodeObstacle('cancelDrain', up)).toBe('notDraining');
  expect(nodeObstacle('evict', up)).toBe('evictAlive');
  expect(nodeObstacle('confirmDead', up)).toBe('notSilent');
});

test('a drain that runs can only be cancelled or resumed', () => {
  const draining = node({ state: 'draining' });
  expect(nodeObstacle('drain', draining)).toBe('draining');
  expect(nodeObstacle('pause', draining)).toBe('draining');
  expect(nodeObstacle('cancelDrain', draining)).toBeNull();
  expect(nodeObstacle('resume', draining)).toBeNull();
});

test('a node that is down can be called dead, and evicted once its VMs are elsewhere', () => {
  expect(nodeObstacle('confirmDead', node({ state: 'down' }))).toBeNull();
  expect(nodeObstacle('drain', node({ state: 'down' }))).toBe('notUp');
  expect(nodeObstacle('evict', node({ state: 'down' }))).toBe('evictOwns');
  expect(nodeObstacle('evict', node({ state: 'fenced', vms: [] }))).toBeNull();
});

test('a witness can only be evicted', () => {
  const witness = node({ role: 'witness', state: 'down', vms: [] });
  expect(nodeObstacle('pause', witness)).toBe('witness');
  expect(nodeObstacle('evict', witness)).toBeNull();
});
