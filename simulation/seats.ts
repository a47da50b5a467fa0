import { knownNodes } from '../src/model/cluster-state.ts';
import { planSeats, type SeatCandidate, type SeatChange, type SeatSight } from '../src/failover/store-seats.ts';
import type { SimulatedAgent } from './agent.ts';

const LOOK_EVERY_MS = 1000;
const HEARD_WITHIN_MS = 2000;
const CHANGE_MS = 60;
const CAUGHT_UP_AFTER_MS = 2000;

/** Moves the seats of the store to where the plan wants them, one at a time, as src/agent/seat-keeper.ts does. */
export class SeatKeeper {
  readonly #agent: SimulatedAgent;
  #begun = false;
  #working = false;

  constructor(agent: SimulatedAgent) {
    this.#agent = agent;
  }

  /** Only where members come and go: elsewhere the seats are what the plan of the seed says. */
  begin(): void {
    if (this.#begun || this.#agent.world.plan.profile !== 'membership') return;
    this.#begun = true;
    this.#every();
  }

  #every(): void {
    this.#look();
    this.#agent.after(LOOK_EVERY_MS, () => this.#every());
  }

  #look(): void {
    const { machine } = this.#agent;
    if (this.#working || !this.#agent.fresh() || !this.#agent.reachesStore()) return;
    const candidates = this.#candidates();
    if (firstHeard(candidates) !== machine.name) return;
    const { change, reason } = planSeats({ seats: this.#seats(), candidates });
    if (change === null) return;
    this.#working = true;
    this.#agent.after(CHANGE_MS, () => {
      this.#working = false;
      if (this.#agent.reachesStore()) this.#change(change, reason);
    });
  }

  #seats(): SeatSight[] {
    const { view, world } = this.#agent;
    const { store, engine } = world;
    const sightOf = (index: number, learnerForMs: number | null): SeatSight => {
      const name = world.machines[index]?.name ?? '';
      const known = view.nodes.get(name)?.facts != null;
      return {
        ...{ id: name, node: known ? name : null, learner: learnerForMs !== null, healthy: store.isWell(index) },
        ...{ leader: store.leader === index, caughtUp: (learnerForMs ?? 0) >= CAUGHT_UP_AFTER_MS },
        ...{ strangeForMs: 0, learnerForMs: learnerForMs ?? 0 },
      };
    };
    return [
      ...store.members.map(({ machine }) => sightOf(machine, null)),
      ...[...store.learners].map(([index, since]) => sightOf(index, engine.now - since)),
    ];
  }

  #candidates(): SeatCandidate[] {
    const { view, machine } = this.#agent;
    return knownNodes(view).map(({ facts, heartbeatSeenAtMs }) => {
      const { name, role } = facts.value;
      const silentForMs = heartbeatSeenAtMs === null ? null : machine.mono() - heartbeatSeenAtMs;
      const [address = ''] = facts.value.addresses;
      return { name, role, address, silentForMs, failedLately: false };
    });
  }

  #change(change: SeatChange, reason: string): void {
    const { world } = this.#agent;
    const machine = world.machine(change.kind === 'add' ? change.node : change.id);
    if (change.kind === 'add') world.store.addLearner(machine.index);
    else if (change.kind === 'promote') world.store.seat(machine.index);
    else world.store.unseat(machine.index);
    const what = { add: 'is added', promote: 'gets a vote', remove: 'is removed' }[change.kind];
    this.#agent.say(`Members of the database: ${machine.name} ${what}.`, reason);
    if (change.kind !== 'add') world.membersChanged();
  }
}

/** By name; it is the one that acts. */
function firstHeard(candidates: readonly SeatCandidate[]): string | undefined {
  return candidates
    .filter(({ role, silentForMs }) => role === 'node' && silentForMs !== null && silentForMs <= HEARD_WITHIN_MS)
    .map(({ name }) => name)
    .sort()[0];
}
