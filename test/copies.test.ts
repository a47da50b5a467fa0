import { expect, test } from 'vitest';
import { type Copy, executingPairs, type Look, pairs } from './lab/copies.ts';

const OLD: Copy = {
  ...{ node: 'node1', vm: 'WebServer', id: '10@5', startedAt: 5 },
  ...{ incoming: false, stopped: false, executedNs: 0 },
};
const NEW: Copy = { ...OLD, node: 'node2', id: '20@9', startedAt: 9 };
const look = (...copies: Copy[]): Look => ({ atMs: 0, copies });

test('two copies of a VM are seen once they are there in two looks', () => {
  expect(pairs(look(OLD), look(OLD, NEW))).toEqual([]);
  expect(pairs(look(OLD, NEW), look(OLD, NEW))).toHaveLength(1);
  expect(pairs(look(OLD, NEW), look(OLD, { ...NEW, vm: 'Other' }))).toEqual([]);
});

test('a copy that stands still does not count', () => {
  expect(pairs(look(OLD, NEW), look({ ...OLD, stopped: true }, NEW))).toEqual([]);
});

test('a destination may be there beside its source, but not the other way round', () => {
  const incoming = { ...NEW, incoming: true };
  expect(pairs(look(OLD, incoming), look(OLD, incoming))).toEqual([]);
  // It has come by migration, and somebody has started another one since.
  const arrived = { ...OLD, incoming: true };
  expect(pairs(look(arrived, NEW), look(arrived, NEW))).toHaveLength(1);
});

test('source and destination that both execute are seen', () => {
  const [source, destination] = [OLD, { ...NEW, incoming: true }];
  const later = (copy: Copy) => ({ ...copy, executedNs: 20e6 });
  expect(executingPairs(look(source, destination), look(later(source), destination))).toEqual([]);
  expect(executingPairs(look(source, destination), look(later(source), later(destination)))).toHaveLength(1);
});
