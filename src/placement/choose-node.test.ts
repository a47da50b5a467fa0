import { describe, expect, test } from 'vitest';
import { testDefinition, testFacts, testMemory } from '../../test/doubles/cluster-facts.ts';
import { MEBIBYTE } from '../model/units.ts';
import { chooseNode } from './choose-node.ts';
import type { NodeForPlacement, PlacementNeeds } from './why-not-place.ts';

const needs: PlacementNeeds = { definition: testDefinition('WebServer'), owner: null, memory: 'now' };

function node(name: string, usedBytes = 0, change: Partial<NodeForPlacement> = {}): NodeForPlacement {
  return { facts: testFacts(name), state: 'up', memory: testMemory({ Other: usedBytes }), ...change };
}

describe('chooseNode', () => {
  test('takes the node with the most free memory and says so', () => {
    const choice = chooseNode([node('node1', 300 * MEBIBYTE), node('node2', 100 * MEBIBYTE)], needs);
    expect(choice).toMatchObject({ kind: 'chosen', node: 'node2' });
    expect(choice.kind === 'chosen' && choice.reason).toContain('924 MiB');
  });

  test('breaks a tie always in the same way, whatever the order', () => {
    expect(chooseNode([node('node2'), node('node1')], needs)).toMatchObject({ node: 'node1' });
  });

  test('passes over a node that cannot take the VM, however empty', () => {
    const nodes = [node('node1', 700 * MEBIBYTE), node('node2', 0, { state: 'down' })];
    expect(chooseNode(nodes, needs)).toMatchObject({ node: 'node1' });
  });

  test('does not consider witnesses or the owner', () => {
    const witness = node('witness', 0, { facts: { ...testFacts('witness'), role: 'witness' } });
    const choice = chooseNode([witness, node('node1'), node('node2')], { ...needs, owner: testFacts('node1') });
    expect(choice.judged.map((judged) => judged.node)).toEqual(['node2']);
  });

  test('gives every reason of every node if none can take it', () => {
    const choice = chooseNode(
      [node('node1', 0, { state: 'down', memory: null }), node('node2', 0, { state: 'paused' })],
      needs,
    );
    expect(choice.kind).toBe('none');
    expect(choice.judged.map(({ node: name, reasons }) => [name, reasons.length])).toEqual([
      ['node1', 2],
      ['node2', 1],
    ]);
  });
});
