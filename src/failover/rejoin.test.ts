import { describe, expect, test } from 'vitest';
import { keys } from '../model/keys.ts';
import { decideJoin, type MembershipFound } from './rejoin.ts';

const input = { node: 'node1', bootId: 'boot2', now: '2026-01-01T00:00:00.000Z' };
const member = (bootId: string): MembershipFound => ({
  value: { state: 'member', bootId, since: '2025-01-01T00:00:00.000Z' },
  modRevision: '7',
});
const fenced: MembershipFound = {
  modRevision: '9',
  value: {
    ...{ state: 'fenced', bootId: 'boot2', since: '2025-01-01T00:00:00.000Z', reason: '', by: 'node2' },
    evidence: { kind: 'goodbye' },
  },
};

describe('decideJoin', () => {
  test('an agent that was restarted goes on under the same token, or its guests would stand still', () => {
    expect(decideJoin(member('boot2'), input)).toEqual({ kind: 'member', token: '7' });
  });

  test.each([
    { who: 'a new node', found: null, modRevision: '0', endAllFirst: false },
    { who: 'a node after a boot', found: member('boot1'), modRevision: '7', endAllFirst: false },
    { who: 'a fenced node, when nothing of it is left', found: fenced, modRevision: '9', endAllFirst: true },
  ])('$who becomes a member by one transaction', ({ found, modRevision, endAllFirst }) => {
    const decision = decideJoin(found, input);
    expect(decision).toMatchObject({ kind: 'join', endAllFirst });
    const { transaction } = decision as Extract<typeof decision, { kind: 'join' }>;
    expect(transaction.compare).toEqual([{ key: keys.nodeMembership('node1'), modRevision }]);
    expect(transaction.write[0]).toMatchObject({ value: { state: 'member', bootId: 'boot2' } });
  });

  test('the heartbeat of the former life goes, so that votes about it count no more', () => {
    const decision = decideJoin(fenced, input);
    expect(decision.kind === 'join' && decision.transaction.write).toContainEqual({
      delete: keys.nodeHeartbeat('node1'),
    });
  });
});
