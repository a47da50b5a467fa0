import type { NodeMembership } from '../src/model/authority.ts';
import { keys } from '../src/model/keys.ts';
import type { Revision } from '../src/model/names.ts';
import type { Transaction } from '../src/model/transaction.ts';
import type { SimulatedAgent } from './agent.ts';

const RETRY_MS = 300;

/** Keeps the node a member under its present boot, as src/agent/node-membership.ts does. */
export class Membership {
  readonly #agent: SimulatedAgent;
  #joining = false;
  /** Others may run the VMs of this node, whatever the store says of it by now. */
  #endFirst = false;
  joined = false;

  constructor(agent: SimulatedAgent) {
    this.#agent = agent;
  }

  join(): void {
    if (this.#joining) return;
    this.#joining = true;
    this.joined = false;
    this.#agent.standing.setMembership(null);
    this.#try();
  }

  /** It has learned that it is fenced. */
  joinAgain(): void {
    this.#endFirst = true;
    this.join();
  }

  /** The same membership again, under a new token. */
  renew(token: Revision): void {
    const { machine } = this.#agent;
    const key = keys.nodeMembership(machine.name);
    this.#agent.read(key, (entry) => {
      const value = entry?.value as NodeMembership | undefined;
      if (entry === undefined || entry.modRevision !== token || value?.state !== 'member') return;
      this.#agent.transact(
        { compare: [{ key, modRevision: token }], write: [{ put: key, value }] },
        2000,
        (outcome) => {
          if (outcome.kind === 'applied') this.#agent.standing.setMembership(outcome.revision);
        },
      );
    });
  }

  #again(): void {
    this.#agent.after(RETRY_MS, () => this.#try());
  }

  #try(): void {
    const { machine } = this.#agent;
    const key = keys.nodeMembership(machine.name);
    this.#agent.read(key, (entry, reached) => {
      if (!reached) return this.#again();
      const known = entry?.value as NodeMembership | undefined;
      const found =
        entry === undefined || known === undefined ? null : { value: known, modRevision: entry.modRevision };
      const { world } = machine;
      const decision = world.protocol.decideJoin(found, {
        ...{ node: machine.name, bootId: machine.bootId, now: world.isoNow() },
      });
      const go = () => {
        this.#endFirst = false;
        if (decision.kind === 'member') this.#done(decision.token);
        else this.#put(decision.transaction);
      };
      const endFirst = this.#endFirst || (decision.kind === 'join' && decision.endAllFirst);
      if (endFirst && world.rules.endAllWhenFenced) this.#agent.suspended.endAll(go);
      else go();
    });
  }

  #put({ compare, write }: Transaction): void {
    // A node that was removed leaves no trace again.
    const notEvicted = { key: keys.eviction(this.#agent.machine.name), modRevision: '0' };
    this.#agent.transact({ compare: [...compare, notEvicted], write }, 2000, (outcome) => {
      if (outcome.kind === 'applied') this.#done(outcome.revision);
      else this.#again();
    });
  }

  #done(token: Revision): void {
    this.#joining = false;
    this.joined = true;
    this.#agent.standing.setMembership(token);
  }
}
