import type { NodeMembership as Membership } from '../model/authority.ts';
import type { NodeAdmission } from '../model/formation.ts';
import { keys } from '../model/keys.ts';
import type { NodeName } from '../model/names.ts';
import { decideJoin } from '../failover/rejoin.ts';
import { isoDate } from '../migration/write-receipt.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/events.ts';
import type { Log } from '../ports/log.ts';
import type { ClusterStore, Compare } from '../ports/store.ts';
import type { AuthorityChange } from './node-authority.ts';

export interface MembershipPorts {
  readonly store: ClusterStore;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Log;
}

export interface MembershipInput {
  readonly node: NodeName;
  readonly bootId: string;
  /** Ends every highly available VM on this node; resolves when nothing of them is left. */
  readonly endAll: () => Promise<void>;
  /** With what this machine was let in; null on the first node of the cluster. See AgentConfig. */
  readonly admission: string | null;
  /** Another machine has been let in under this name: this one is no member any more. */
  readonly onReplaced: () => void;
  /** Where the fencing token goes, and who says that it is void. */
  readonly authority: {
    setMembership(token: string | null): void;
    subscribe(listener: (change: AuthorityChange) => void): void;
  };
}

const RETRY_MS = 300;

/**
 * Keeps this node a member of the cluster, under its present boot. After it was fenced, others may run its VMs: it becomes a member
 * again only when none of them is left here.
 */
export class NodeMembershipKeeper {
  readonly #ports: MembershipPorts;
  readonly #input: MembershipInput;
  #joining: Promise<void> | null = null;
  /** Others may run the VMs of this node, whatever the store says of it by now. */
  #endFirst = false;

  constructor(ports: MembershipPorts, input: MembershipInput) {
    this.#ports = ports;
    this.#input = input;
    input.authority.subscribe((change) => {
      if (change !== 'fenced') return;
      this.#endFirst = true;
      void this.join();
    });
  }

  /** Resolves when this node is a member. */
  join(): Promise<void> {
    // In a later turn: it tells the authority, which may be what has called this.
    this.#joining ??= Promise.resolve().then(() => this.#join());
    return this.#joining;
  }

  async #join(): Promise<void> {
    const { authority } = this.#input;
    authority.setMembership(null);
    for (;;) {
      try {
        const token = await this.#tryToJoin();
        if (token !== null) {
          // From here on it may be fenced again, which is another joining.
          this.#joining = null;
          return authority.setMembership(token);
        }
      } catch (error) {
        this.#ports.log.debug('This node is not a member yet', { error });
      }
      await this.#ports.clock.sleep(RETRY_MS);
    }
  }

  /** The fencing token, or null to look again. */
  async #tryToJoin(): Promise<string | null> {
    const { store, clock, events, log } = this.#ports;
    const { node, bootId, endAll } = this.#input;
    const admission = await this.#lookAtAdmission();
    if (admission === null) return null;
    const entry = await store.get(keys.nodeMembership(node));
    const known = entry?.value as Membership | undefined;
    const found = entry === undefined || known === undefined ? null : { value: known, modRevision: entry.modRevision };
    const decision = decideJoin(found, { node, bootId, now: isoDate(clock.wallMs()) });
    if (decision.kind === 'member' && !this.#endFirst) return decision.token;
    if (known?.state === 'fenced') log.warn('This node was fenced', { reason: known.reason, since: known.since });
    if (this.#endFirst || (decision.kind === 'join' && decision.endAllFirst)) await endAll();
    this.#endFirst = false;
    if (decision.kind === 'member') return decision.token;
    const { compare, write } = decision.transaction;
    // A node that was removed leaves no trace again.
    const notEvicted = { key: keys.eviction(node), modRevision: '0' };
    const outcome = await store.transact({ compare: [...compare, notEvicted, ...admission], write });
    if (outcome.kind !== 'applied') return null;
    if (known?.state === 'fenced') {
      events.say({
        ...{ kind: 'node-rejoined', critical: false, node, vm: null },
        text: `${node} is a member again.`,
        reason: `It was fenced at ${known.since}; none of its highly available VMs was left on it.`,
      });
    }
    return outcome.revision;
  }

  /** What the transaction compares, so that two machines are never members under one name; null: this one was replaced. */
  async #lookAtAdmission(): Promise<readonly Compare[] | null> {
    const { node, admission, onReplaced } = this.#input;
    if (admission === null) return [];
    const key = keys.nodeAdmission(node);
    const found = await this.#ports.store.get(key);
    const known = found?.value as NodeAdmission | undefined;
    if (known !== undefined && known.requestHash !== admission) {
      onReplaced();
      return null;
    }
    return [{ key, modRevision: found?.modRevision ?? '0' }];
  }
}
