import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { testDefinition, testFacts } from '../../test/doubles/cluster-facts.ts';
import { MEBIBYTE } from '../model/units.ts';
import { chooseNode } from './choose-node.ts';
import { Room } from './room.ts';
import { type NodeForPlacement, type PlacementNeeds, whyNotOn } from './why-not-place.ts';

interface Shape {
  readonly capacity: number;
  readonly used: number;
  readonly state: NodeForPlacement['state'];
  readonly switches: readonly string[];
  readonly group: boolean;
  readonly failures: number;
}

function nodeOf({ capacity, used, state, switches, group, failures }: Shape, index: number): NodeForPlacement {
  return {
    facts: { ...testFacts(`node${index + 1}`), switches },
    state,
    memory: { capacityBytes: capacity * MEBIBYTE, allocations: used === 0 ? {} : { Other: used * MEBIBYTE } },
    groups: new Map(group ? [['dns', ['Other']]] : []),
    cpusTaken: used % 5,
    recentFailures: failures,
  };
}

const arbitraryNodes = fc
  .array(
    fc.record({
      capacity: fc.integer({ min: 0, max: 2048 }),
      used: fc.integer({ min: 0, max: 1024 }),
      state: fc.constantFrom<NodeForPlacement['state']>('up', 'up', 'up', 'paused', 'down', 'fenced', 'quarantined'),
      switches: fc.constantFrom<string[]>(['lan'], ['lan'], ['dmz']),
      group: fc.boolean(),
      failures: fc.integer({ min: 0, max: 3 }),
    }),
    { maxLength: 6 },
  )
  .map((shapes) => shapes.map(nodeOf));

const arbitraryNeeds = fc.record({
  memory: fc.constantFrom<PlacementNeeds['memory']>('now', 'some-day'),
  antiAffinity: fc.constantFrom<string[]>([], ['dns'], ['web']),
  possibleOwners: fc.constantFrom<string[]>([], ['node1', 'node3']),
  preferredOwners: fc.constantFrom<string[]>([], ['node2'], ['node3', 'node1']),
  failedOn: fc.constantFrom<string[]>([], ['node1']),
  owner: fc.constantFrom(null, testFacts('node2')),
});

function needsOf({
  memory,
  failedOn,
  owner,
  ...availability
}: { memory: PlacementNeeds['memory']; failedOn: string[]; owner: PlacementNeeds['owner'] } & NonNullable<
  PlacementNeeds['availability']
>): PlacementNeeds {
  return { definition: testDefinition('WebServer'), memory, failedOn, owner, availability };
}

describe('Room', () => {
  test('takes a node exactly if nothing speaks against it, one by one', () => {
    fc.assert(
      fc.property(arbitraryNodes, arbitraryNeeds, (nodes, shape) => {
        const needs = needsOf(shape);
        const possible = nodes.filter((node) => whyNotOn(node, needs).length === 0).map(({ facts }) => facts.name);
        const placement = Room.of(nodes).best(needs);
        expect(placement?.candidates ?? 0).toBe(possible.length);
        if (placement !== null) expect(possible).toContain(placement.node);
        const free = Room.of(nodes)
          .obstacles(needs)
          .filter(({ obstacles }) => obstacles.length === 0);
        expect(free.map(({ node }) => node)).toEqual([...possible].sort());
      }),
    );
  });

  test('its score is the sum of what it says, and a preferred owner wins whenever it can take the VM', () => {
    fc.assert(
      fc.property(arbitraryNodes, arbitraryNeeds, (nodes, shape) => {
        const needs = needsOf({ ...shape, memory: 'now' });
        const choice = chooseNode(nodes, needs);
        if (choice.kind === 'none') return;
        const placement = Room.of(nodes).best(needs);
        expect(choice.terms.reduce((sum, { cost }) => sum + cost, 0)).toBeCloseTo(placement?.score ?? -1, 9);
        const able = choice.judged.filter(({ reasons }) => reasons.length === 0).map(({ node }) => node);
        const preferred = shape.preferredOwners.find((node) => able.includes(node));
        if (preferred !== undefined) expect(shape.preferredOwners).toContain(choice.node);
      }),
    );
  });

  const node = (name: string, used: number, more: Partial<NodeForPlacement> = {}): NodeForPlacement => ({
    ...nodeOf({ capacity: 1024, used, state: 'up', switches: ['lan'], group: false, failures: 0 }, 0),
    facts: testFacts(name),
    ...more,
  });
  const needs: PlacementNeeds = { definition: testDefinition('WebServer'), owner: null, memory: 'now' };

  test('fills nodes evenly and never beyond what they have', () => {
    const room = Room.of([node('node1', 0), node('node2', 512)]);
    const placed = Array.from({ length: 8 }, (_, index) => {
      return room.place({ ...needs, definition: testDefinition(`vm${index}`) })?.node ?? null;
    });
    expect(placed.slice(0, 2)).toEqual(['node1', 'node1']);
    expect(placed.filter((name) => name === 'node1')).toHaveLength(4);
    expect(placed.filter((name) => name === 'node2')).toHaveLength(2);
    expect(placed.slice(6)).toEqual([null, null]);
  });

  test('passes over a node that has failed lately if another one is as good', () => {
    expect(Room.of([node('node1', 0, { recentFailures: 1 }), node('node2', 0)]).best(needs)?.node).toBe('node2');
  });

  test('says why: the most free memory, or the best score where a larger node is fuller', () => {
    const large = node('node2', 2048, {
      memory: { capacityBytes: 4096 * MEBIBYTE, allocations: { Other: 2048 * MEBIBYTE } },
    });
    const fuller = chooseNode([node('node1', 0), large], needs);
    expect(fuller).toMatchObject({ node: 'node1' });
    expect(fuller.kind === 'chosen' && fuller.reason).toBe(
      'node1 has the best score of the 2 nodes that can take it, with 1 GiB of memory free.',
    );
    expect(chooseNode([large], needs)).toMatchObject({ reason: expect.stringContaining('most free memory (2 GiB)') });
  });

  test('spreads equal VMs over equal nodes, always in the same way', () => {
    const nodes = ['node1', 'node2', 'node3', 'node4'].map((name) => node(name, 0));
    const first = (vm: string) => Room.of(nodes).best({ ...needs, definition: testDefinition(vm) })?.node;
    const chosen = Array.from({ length: 40 }, (_, index) => first(`vm${index}`));
    expect(new Set(chosen).size).toBe(4);
    expect(chosen).toEqual(Array.from({ length: 40 }, (_, index) => first(`vm${index}`)));
  });

  test('a copy without a node takes nothing from the original', () => {
    const room = Room.of([node('node1', 0), node('node2', 0)]);
    const without = room.without('node1');
    for (let count = 0; count < 4; count += 1) without.place({ ...needs, definition: testDefinition(`vm${count}`) });
    expect(without.best(needs)).toBe(null);
    expect(room.best(needs)?.candidates).toBe(2);
  });
});
