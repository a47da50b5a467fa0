import { keys } from '../src/model/keys.ts';
import type { Transaction } from '../src/model/transaction.ts';
import { SimulatedAgent } from './agent.ts';
import { Engine } from './engine.ts';
import { factsOf, firstStatus, recordOf } from './facts.ts';
import { SimulatedGuard } from './guard.ts';
import { Machine } from './machine.ts';
import { Network } from './network.ts';
import { Oracle } from './oracle.ts';
import type { ClusterPlan } from './cluster-plan.ts';
import { Procedures } from './procedures.ts';
import { PRODUCTION, type Protocol } from './protocol.ts';
import type { Qemu } from './qemu.ts';
import { SeededRandom } from './random.ts';
import { KEPT, type ShellRules } from './rules.ts';
import { SimulatedStore } from './store.ts';
import { Strikes } from './strikes.ts';
import { type Acknowledged, carryOutWish } from './users.ts';
import type { GuestWhat, StoryEvent } from './story.ts';

const MIB = 1024 * 1024;
/** Members of the store, as many as the cluster's size asks for. */
const seatsFor = (machines: number) => (machines >= 7 ? 5 : machines >= 3 ? 3 : 1);

export interface WorldOptions {
  readonly protocol?: Protocol;
  readonly rules?: ShellRules;
  /** So many of the agents, the first ones, look after the cluster as a whole; absent: all. */
  readonly lookers?: number;
  /** Told of everything that happens; absent: nothing is written down. */
  readonly tell?: (at: number, event: StoryEvent) => void;
}

/** One cluster in virtual time: machines, network, store, and the oracle that knows what really happens. */
export class World {
  readonly engine = new Engine();
  readonly plan: ClusterPlan;
  readonly network: Network;
  readonly store: SimulatedStore;
  readonly strikes = new Strikes(this);
  readonly procedures = new Procedures(this, (wish) => carryOutWish(this, wish));
  readonly machines: readonly Machine[];
  readonly oracle: Oracle;
  readonly protocol: Protocol;
  readonly rules: ShellRules;
  readonly lookers: number;
  readonly random;
  readonly telling: boolean;
  readonly vmNames: string[];
  migrations = 0;
  /** Agents started so far. */
  starts = 0;
  readonly #tell: (at: number, event: StoryEvent) => void;
  readonly #byName = new Map<string, Machine>();
  readonly #saidPromises = new Map<string, boolean>();
  readonly acknowledged = new Map<string, Acknowledged>();
  readonly fencedAt: { readonly machine: string; readonly at: number }[] = [];

  constructor(plan: ClusterPlan, options: WorldOptions = {}) {
    this.plan = plan;
    this.protocol = options.protocol ?? PRODUCTION;
    this.rules = options.rules ?? KEPT;
    this.lookers = options.lookers ?? Infinity;
    this.telling = options.tell !== undefined;
    this.#tell = options.tell ?? (() => undefined);
    const stream = (name: string) => new SeededRandom(plan.seed, name);
    this.random = {
      ...{ machines: stream('machines'), storage: stream('storage'), notes: stream('notes') },
      ...{
        qemu: stream('qemu'),
        agents: stream('agents'),
        faults: stream('faults'),
        controllers: stream('controllers'),
      },
    };
    const members = plan.witness === 'none' ? plan.nodes : [...plan.nodes, 'witness'];
    const spares = plan.spares ?? [];
    const names = [...members, ...spares];
    this.network = new Network(this.engine, stream('network'), names.length);
    const hosts = { executes: (machine: number) => this.machines[machine]?.executes ?? false };
    this.store = new SimulatedStore(this.engine, stream('store'), { network: this.network, hosts });
    this.oracle = new Oracle(this);
    this.machines = names.map((name, index) => this.#machine(name, index));
    for (const machine of this.machines) this.#byName.set(machine.name, machine);
    this.vmNames = plan.vms.map(({ name }) => name);
    this.store.onCommit = (changes) => this.oracle.committed(changes);
    this.store.onLeader = (machine) => {
      if (this.telling)
        this.tell({ kind: 'store', what: 'leader', node: machine === null ? null : (names[machine] ?? null) });
      this.topologyChanged();
    };
    this.#fill();
  }

  #machine(name: string, index: number): Machine {
    const { watchdogMs, controllers, clockRates, nodeMemoryMiB } = this.plan;
    const role = name === 'witness' ? 'witness' : 'node';
    if (role === 'witness') this.network.setDistance(index, 4);
    return new Machine(this, index, {
      ...{ name, role, controller: controllers && role === 'node', clockRate: clockRates[index] ?? 1 },
      watchdogMs: role === 'node' ? watchdogMs : null,
      memoryBytes: role === 'node' ? nodeMemoryMiB * MIB : 0,
    });
  }

  #fill(): void {
    const { store } = this;
    store.preset(keys.cluster, { name: 'simulated', id: 'simulated', createdAt: this.isoNow() });
    const members = this.machines.filter(({ name }) => this.plan.spares?.includes(name) !== true);
    for (const machine of this.machines) machine.gone = !members.includes(machine);
    for (const machine of members) {
      store.preset(keys.nodeFacts(machine.name), factsOf(machine));
      if (machine.options.role === 'node') {
        const allocations = this.plan.vms.flatMap(({ name, node, memoryMiB }) =>
          node === machine.name ? [[name, memoryMiB * MIB] as const] : [],
        );
        if (machine.options.controller) {
          store.preset(keys.nodeFencing(machine.name), { agent: 'fence_sim', options: {} });
        }
        store.preset(keys.nodeMemory(machine.name), {
          capacityBytes: machine.options.memoryBytes,
          allocations: Object.fromEntries(allocations),
        });
      }
      machine.notes.set('takeover-terms', []);
    }
    for (const vm of this.plan.vms) {
      store.preset(keys.vmRecord(vm.name), recordOf(vm, this.isoNow()));
      store.preset(keys.vmOwner(vm.name), { node: vm.node });
      store.preset(keys.vmStatus(vm.name), firstStatus(vm, this.isoNow()));
    }
    const seats = members.length <= 2 && this.plan.witness === 'none' ? 1 : seatsFor(members.length);
    const seated = this.plan.witness === 'none' ? members : [...members].reverse();
    for (const machine of seated.slice(0, seats)) store.seat(machine.index);
    for (const machine of members) machine.boot(this.random.machines.between(0, 300));
  }

  machine(name: string): Machine {
    const machine = this.#byName.get(name);
    if (machine === undefined) throw new Error(`there is no machine ${name}`);
    return machine;
  }

  isWitness(name: string): boolean {
    return name === 'witness';
  }

  makeAgent(machine: Machine): SimulatedAgent {
    return new SimulatedAgent(machine);
  }

  makeGuard(machine: Machine): SimulatedGuard {
    return new SimulatedGuard(machine);
  }

  /** Each agent learns of a change of the store's members when it next asks. */
  membersChanged(): void {
    this.topologyChanged();
    const members = this.memberNames();
    for (const other of this.machines) {
      other.agentProcess.deliver(() => {
        const { agent } = other;
        agent?.after(this.random.agents.between(0, 5000), () => {
          agent.storeMembers = members;
          agent.standing.tellTerms();
        });
      });
    }
  }

  memberNames(): string[] {
    return this.store.members.map(({ machine }) => this.machines[machine]?.name ?? '').sort();
  }

  wallMs(): number {
    return Date.UTC(2026, 0, 1) + this.engine.now;
  }

  isoNow(): string {
    return new Date(this.wallMs()).toISOString();
  }

  /** A transaction as the shell sends it. */
  compared(transaction: Transaction): Transaction {
    if (this.rules.compareMemory) return transaction;
    return { ...transaction, compare: transaction.compare.filter(({ key }) => !key.startsWith(keys.memory)) };
  }

  tell(event: StoryEvent): void {
    this.#tell(this.engine.now, event);
  }

  guest(qemu: Qemu, what: GuestWhat): void {
    this.tell({ kind: 'guest', vm: qemu.vm, node: qemu.machine.name, what });
  }

  /** Only when the answer is another one than before. */
  promised(node: string, answer: { readonly by: string; readonly granted: boolean; readonly why: string }): void {
    const key = `${node} ${answer.by}`;
    if (this.#saidPromises.get(key) === answer.granted) return;
    this.#saidPromises.set(key, answer.granted);
    this.tell({ kind: 'promises', node, ...answer });
  }

  /** Through the machine's management controller: off, then asked until it says so. */
  switchOff(
    node: string,
    { by, forMs }: { readonly by: string; readonly forMs: number },
    done: (off: boolean, why: string) => void,
  ): void {
    const machine = this.machine(node);
    const random = this.random.controllers;
    if (!machine.options.controller || !machine.controllerWorks) {
      return void this.engine.after(forMs, () => done(false, 'the controller does not answer'));
    }
    const takes = machine.controllerSlow ? random.between(2000, 25_000) : random.between(50, 400);
    const { boots } = machine;
    this.engine.after(takes, () => {
      // The controller says yes first, and switches afterwards.
      if (!this.rules.askPowerAgain) done(true, '');
      this.engine.after(random.between(0, 1500), () => {
        if (machine.boots === boots && machine.powered) {
          machine.disturbedAt = this.engine.now;
          machine.powerOff(`switched off by ${by}`, 'off');
          this.#bootLater(machine);
        }
      });
    });
    if (this.rules.askPowerAgain)
      this.#pollPower(machine, { at: this.engine.now + takes + 300, until: this.engine.now + forMs, boots }, done);
  }

  #pollPower(
    machine: Machine,
    poll: { readonly at: number; readonly until: number; readonly boots: number },
    done: (off: boolean, why: string) => void,
  ): void {
    if (poll.at > poll.until)
      return void this.engine.at(poll.until, () => done(false, 'the power did not go off in time'));
    this.engine.at(poll.at, () => {
      if (!machine.controllerWorks)
        return void this.engine.at(poll.until, () => done(false, 'the controller does not answer'));
      if (!machine.powered) return done(true, '');
      this.#pollPower(machine, { ...poll, at: poll.at + 500 }, done);
    });
  }

  /** Somebody switches it on again. */
  #bootLater(machine: Machine): void {
    const { boots } = machine;
    this.engine.after(this.random.controllers.between(30_000, 90_000), () => {
      if (machine.boots !== boots || machine.powered || machine.gone) return;
      machine.disturbedAt = this.engine.now + 20_000;
      machine.boot(5000);
      this.topologyChanged();
    });
  }

  fenced(machine: Machine): void {
    this.fencedAt.push({ machine: machine.name, at: this.engine.now });
  }

  /** Machines, links, members or the leader have changed. */
  topologyChanged(): void {
    this.store.reconsider();
    for (const machine of this.machines) {
      const connected = machine.executes && (this.store.reachable(machine.index) || this.#votersReach(machine));
      if (!connected) machine.connectedSince = Infinity;
      else if (machine.connectedSince === Infinity) machine.connectedSince = this.engine.now;
    }
  }

  /** Enough voters could promise it something. */
  #votersReach(machine: Machine): boolean {
    const { members } = this.store;
    const voters = members.filter((member) => member.machine !== machine.index);
    if (voters.length === 0) return false;
    const needed = voters.length - Math.max(1, Math.min(voters.length, Math.floor(members.length / 2) + 1)) + 1;
    const reached = voters.filter((voter) => {
      const other = this.machines[voter.machine];
      return (
        other?.executes === true &&
        other.agent !== null &&
        !other.agentProcess.stopped &&
        this.network.bothWays(machine.index, voter.machine)
      );
    });
    return reached.length >= needed;
  }
}
