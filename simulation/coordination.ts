import { VOTER_STEADY_MS } from '../src/model/authority.ts';
import type { NodeName, VmName } from '../src/model/names.ts';
import type { NewEvent } from '../src/model/events.ts';
import type { Transaction } from '../src/model/transaction.ts';
import { ASK_POWER_OFF_AFTER_MS, type PowerOffSight, type TakeoverDecision } from '../src/failover/takeover.ts';
import type { SimulatedAgent } from './agent.ts';
import { openMigrationOf } from './request-migration.ts';

const LOOK_EVERY_MS = 250;
/** Between two looks because something has changed. */
const PAUSE_MS = 50;
/** Something may be due because time has passed, though nothing has changed. */
const LOOK_ANYWAY_MS = 5000;
const POWER_OFF_MS = 20_000;
const POWER_OFF_AGAIN_MS = 30_000;

interface Due {
  readonly key: string;
  readonly run: (done: () => void) => void;
}

/** What an agent does for the cluster as a whole, as src/agent/coordinator.ts does it. */
export class Coordination {
  readonly #agent: SimulatedAgent;
  readonly #powerOff = new Map<NodeName, PowerOffSight>();
  readonly #running = new Set<string>();
  #due: ReadonlyMap<string, number> = new Map();
  #heldSince: number | null = null;
  #lookSoon = false;
  #begun = false;
  #lookedAt = -Infinity;
  /** Something besides heartbeats has changed since nothing was found to be due. */
  #news = true;

  constructor(agent: SimulatedAgent) {
    this.#agent = agent;
  }

  begin(): void {
    if (this.#begun || this.#agent.machine.index >= this.#agent.world.lookers) return;
    this.#begun = true;
    this.#every();
  }

  changed(): void {
    this.#news = true;
    if (this.#lookSoon || !this.#begun) return;
    this.#lookSoon = true;
    this.#agent.after(PAUSE_MS, () => {
      this.#lookSoon = false;
      this.#look();
    });
  }

  moveElsewhere(vm: VmName): void {
    const { view, world } = this.#agent;
    const entry = view.vms.get(vm);
    const key = `elsewhere:${vm}`;
    if (entry?.record == null || this.#running.has(key)) return;
    this.#running.add(key);
    const decision = world.protocol.decideElsewhere(view, this.#agent.now(), entry);
    this.#write(decision.transaction, [decision.event], () => this.#running.delete(key));
  }

  #every(): void {
    this.#look();
    this.#agent.migrations.removeOrphans();
    this.#agent.after(LOOK_EVERY_MS, () => this.#every());
  }

  #steady(): boolean {
    const now = this.#agent.machine.mono();
    if (!this.#agent.standing.heardByStore() || !this.#agent.fresh()) this.#heldSince = null;
    else this.#heldSince ??= now;
    return this.#heldSince !== null && now - this.#heldSince >= VOTER_STEADY_MS;
  }

  #look(): void {
    if (!this.#steady()) {
      this.#due = new Map();
      return;
    }
    const { view, machine, world } = this.#agent;
    const now = this.#agent.now();
    const calm = !this.#news && now.monotonicMs - this.#lookedAt < LOOK_ANYWAY_MS;
    if (calm && !this.#somebodySilent()) return;
    this.#lookedAt = now.monotonicMs;
    const due = this.#findDue();
    this.#news = due.length > 0;
    if (due.length === 0 && this.#due.size === 0) return;
    this.#due = world.protocol.dueSince(
      this.#due,
      due.map(({ key }) => key),
      now.monotonicMs,
    );
    const rank = world.protocol.rankOf(view, machine.name, now);
    for (const { key, run } of due) {
      const dueFor = now.monotonicMs - (this.#due.get(key) ?? now.monotonicMs);
      if (this.#running.has(key) || !world.protocol.actsNow(rank, dueFor)) continue;
      this.#running.add(key);
      run(() => this.#running.delete(key));
    }
  }

  /** Only a shortcut: as long as all are heard and nothing else has changed nothing new is due. */
  #somebodySilent(): boolean {
    const now = this.#agent.machine.mono();
    for (const { heartbeatSeenAtMs } of this.#agent.view.nodes.values()) {
      if (heartbeatSeenAtMs === null || now - heartbeatSeenAtMs >= ASK_POWER_OFF_AFTER_MS) return true;
    }
    return false;
  }

  #findDue(): Due[] {
    return [
      ...[...this.#takeovers(), ...this.#recoveries(), ...this.#settlements()],
      ...[...this.#drains(), ...this.#failbacks(), ...this.#tidying()],
    ];
  }

  #takeovers(): Due[] {
    const { view, machine, world } = this.#agent;
    const own = { own: machine.name, steady: true, powerOff: this.#powerOff };
    const sights = world.protocol.sightsOf(view, this.#agent.now(), own);
    return sights.nodes.flatMap((sight): Due[] => {
      const decision = world.protocol.decideTakeover(sight, sights);
      if (decision.kind === 'take-over') {
        const { events } = decision;
        const compare = world.rules.compareTakeover ? decision.transaction.compare : [];
        const transaction = { ...decision.transaction, compare };
        const run = (done: () => void) => {
          world.strikes.reached('takeover', { actor: machine.name, subject: sight.node });
          this.#write(transaction, events, done);
        };
        return [{ key: `take-over:${sight.node}`, run }];
      }
      if (decision.kind !== 'ask-power-off') return [];
      return [{ key: `power-off:${sight.node}`, run: (done) => this.#askPowerOff(sight.node, decision, done) }];
    });
  }

  #askPowerOff(
    node: NodeName,
    { heartbeatRevision, reason }: Extract<TakeoverDecision, { kind: 'ask-power-off' }>,
    done: () => void,
  ): void {
    const { machine, world } = this.#agent;
    const sight = { heartbeatRevision, agent: 'fence_sim', confirmedAt: null, reason: '' };
    this.#powerOff.set(node, { ...sight, state: 'asking' });
    const { agentProcess } = machine;
    world.switchOff(node, { by: machine.name, forMs: POWER_OFF_MS }, (off, why) => {
      agentProcess.deliver(() => {
        this.#powerOff.set(node, {
          ...sight,
          ...{ state: off ? 'off' : 'failed', confirmedAt: off ? world.isoNow() : null, reason: why },
        });
        const text = off ? `The power of ${node} is off.` : `The power of ${node} could not be switched off.`;
        this.#agent.say(text, off ? reason : why);
        if (!off) this.#askAgainLater(node, heartbeatRevision);
        done();
        this.#news = true;
        this.#look();
      });
    });
  }

  #askAgainLater(node: NodeName, heartbeatRevision: string): void {
    this.#agent.after(POWER_OFF_AGAIN_MS, () => {
      if (this.#powerOff.get(node)?.heartbeatRevision === heartbeatRevision) this.#powerOff.delete(node);
    });
  }

  #recoveries(): Due[] {
    const { view, world, machine } = this.#agent;
    return world.protocol
      .decideRecovery(view, this.#agent.now())
      .flatMap(({ key, transaction: decided, events, vms, to }): Due[] => {
        if (decided === null) return [];
        const transaction = world.rules.compareAssignment ? decided : { ...decided, compare: [] };
        const run = (done: () => void) => {
          if (to !== null) world.strikes.reached('assign', { actor: machine.name, subject: vms[0]?.from });
          this.#write(transaction, events, done);
        };
        return [{ key, run }];
      });
  }

  #settlements(): Due[] {
    return this.#agent.migrations.dueForSettlement().map((vm) => ({
      key: `settle:${vm}`,
      run: (done) => this.#agent.migrations.settle(vm, done),
    }));
  }

  #drains(): Due[] {
    const { view, world } = this.#agent;
    const found: Due[] = [];
    for (const [name, entry] of view.nodes) {
      if (entry.service?.value.mode !== 'draining') continue;
      for (const step of world.protocol.nextDrainSteps(view, this.#agent.now(), name).steps) {
        if (step.kind === 'migrate')
          found.push({ key: step.key, run: (done) => this.#migrate(step.vm, step.to, done) });
        else {
          const events = step.event === null ? [] : [step.event];
          found.push({ key: step.key, run: (done) => this.#write(step.transaction, events, done) });
        }
      }
    }
    return found;
  }

  #failbacks(): Due[] {
    const { view, world } = this.#agent;
    return world.protocol.decideFailback(view, this.#agent.now()).map((step): Due => {
      const { key } = step;
      if (step.kind === 'finish') return { key, run: (done) => this.#write(step.transaction, [], done) };
      const { vm, to, reason } = step;
      const run = (done: () => void) => {
        this.#agent.say(`${vm} goes back to ${to}.`, reason);
        this.#migrate(vm, to, done);
      };
      return { key, run };
    });
  }

  #migrate(vm: VmName, to: NodeName, done: () => void): void {
    const transaction = openMigrationOf(this.#agent, vm, to);
    if (transaction === null) this.#agent.after(100, done);
    else this.#write(transaction, [], done);
  }

  #tidying(): Due[] {
    const { view, machine, world } = this.#agent;
    return world.protocol.staleMemory(view, machine.name).map(({ node, transaction }) => ({
      ...{ key: `stale-memory:${node}`, run: (done: () => void) => this.#write(transaction, [], done) },
    }));
  }

  #write(transaction: Transaction, events: readonly NewEvent[], done: () => void): void {
    this.#agent.transact(transaction, 2000, (outcome) => {
      if (outcome.kind === 'applied') for (const { text, reason } of events) this.#agent.say(text, reason);
      this.#agent.after(outcome.kind === 'applied' ? 20 : 100, done);
    });
  }
}
