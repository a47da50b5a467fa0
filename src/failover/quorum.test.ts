import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fenceBoundMs, promisesNeeded, promisesSuffice, takeoverMs, takeoverTerms, votesNeeded } from './quorum.ts';

const terms = (storeMembers: readonly string[], node = 'a') =>
  takeoverTerms({ node, storeMembers, watchdogMs: 2000, armed: true });

describe('votes and promises', () => {
  test.each([
    // node, members of the store; [voters, votes for a takeover, promises to live on]
    ['a', ['a', 'b', 'w'], [2, 2, 1]],
    ['d', ['a', 'b', 'c'], [3, 2, 2]],
    ['a', ['a', 'b', 'c', 'd', 'e'], [4, 3, 2]],
    ['f', ['a', 'b', 'c', 'd', 'e'], [5, 3, 3]],
  ] as const)('%s, with a store on %j', (node, members, expected) => {
    const found = terms(members, node);
    expect([found.voters.length, found.votesNeeded, promisesNeeded(found)]).toEqual(expected);
  });

  test('who can be taken over cannot have a quorum of promises from the others', () => {
    const sizes = fc.record({ voters: fc.integer({ min: 1, max: 9 }), members: fc.integer({ min: 1, max: 9 }) });
    fc.assert(
      fc.property(sizes, ({ voters, members }) => {
        const needed = votesNeeded(voters, members);
        const names = Array.from({ length: voters }, (_, index) => `v${index}`);
        const promised = promisesNeeded({ voters: names, votesNeeded: needed, takeoverMs: 7500 });
        expect(needed + promised).toBeGreaterThan(voters);
        expect(needed).toBeLessThanOrEqual(voters);
        expect(promised).toBeLessThanOrEqual(voters);
      }),
    );
  });

  test('promises of others than the voters count for nothing', () => {
    const found = terms(['a', 'b', 'c', 'd', 'e']);
    expect(promisesSuffice(found, ['b', 'x', 'y'])).toBe(false);
    expect(promisesSuffice(found, ['b', 'e'])).toBe(true);
  });
});

describe('the takeover time', () => {
  test('7.5 s behind a watchdog of 2 s, 12 s behind one of 4 s', () => {
    expect(takeoverMs(3500, fenceBoundMs(2000))).toBe(7500);
    expect(takeoverMs(3500, fenceBoundMs(4000))).toBe(12_000);
  });

  test('covers authority and the fence bound on clocks that differ by 1 % each', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 60_000 }), (watchdogMs) => {
        const fence = fenceBoundMs(watchdogMs);
        expect(takeoverMs(3500, fence) / 1.01).toBeGreaterThan((3500 + fence) / 0.99);
      }),
    );
  });

  test.each([
    ['no watchdog would reset the node', { watchdogMs: null }],
    ['failover is disarmed', { armed: false }],
    ['two members of the store cannot tell a dead node from a cut cable', { storeMembers: ['a', 'b'] }],
  ])('there is none when %s', (_, change) => {
    const input = { node: 'a', storeMembers: ['a', 'b', 'c'], watchdogMs: 2000, armed: true, ...change };
    expect(takeoverTerms(input).takeoverMs).toBeNull();
  });
});
