import type { NodeMembership } from '../src/model/authority.ts';
import { keys } from '../src/model/keys.ts';
import type { Revision } from '../src/model/names.ts';
import type { SimulatedAgent } from './agent.ts';

const RETRY_MS = 300;

/** Keeps the node a member under its present boot, as src/agent/node-membership.ts does. */
export class Membership {
  readonly #agent: SimulatedAgent;
  #joining = false;
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
      if (entry !== undefined && known?.state === 'member' && known.bootId === machine.bootId) {
        return this.#done(entry.modRevision);
      }
      const put = () => this.#put(entry?.modRevision ?? '0');
      if (known?.state === 'fenced' && machine.world.rules.endAllWhenFenced) this.#agent.suspended.endAll(put);
      else put();
    });
  }

  #put(modRevision: Revision): void {
    const { machine, world } = this.#agent;
    const key = keys.nodeMembership(machine.name);
    const value: NodeMembership = { state: 'member', bootId: machine.bootId, since: world.isoNow() };
    this.#agent.transact({ compare: [{ key, modRevision }], write: [{ put: key, value }] }, 2000, (outcome) => {
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
