// How a node becomes a member: at its first start, after a boot, and after it was fenced.
import type { NodeMembership } from '../model/authority.ts';
import { keys } from '../model/keys.ts';
import type { NodeName, Revision } from '../model/names.ts';
import type { Transaction } from '../model/transaction.ts';

export interface MembershipFound {
  readonly value: NodeMembership;
  readonly modRevision: Revision;
}

export type JoinDecision =
  /** It is one, under this boot. */
  | { readonly kind: 'member'; readonly token: Revision }
  | {
      readonly kind: 'join';
      /** Others may run its VMs: none of its copies may be left when the transaction is sent. */
      readonly endAllFirst: boolean;
      readonly transaction: Transaction;
    };

export interface JoinInput {
  readonly node: NodeName;
  readonly bootId: string;
  /** ISO time. */
  readonly now: string;
}

/**
 * The heartbeat of the node's former life goes with the fencing token: votes about it count no more, so that a node
 * that has just come back is not fenced again for its former silence.
 */
export function decideJoin(found: MembershipFound | null, { node, bootId, now }: JoinInput): JoinDecision {
  if (found?.value.state === 'member' && found.value.bootId === bootId) {
    return { kind: 'member', token: found.modRevision };
  }
  const key = keys.nodeMembership(node);
  const value: NodeMembership = { state: 'member', bootId, since: now };
  return {
    kind: 'join',
    endAllFirst: found?.value.state === 'fenced',
    transaction: {
      compare: [{ key, modRevision: found?.modRevision ?? '0' }],
      write: [{ put: key, value }, { delete: keys.nodeHeartbeat(node) }],
    },
  };
}
