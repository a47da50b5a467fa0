import { VOTER_STEADY_MS } from '../model/authority.ts';
import { knownNodes, nodeState } from '../model/cluster-state.ts';
import type { NodeName, VmName } from '../model/names.ts';
import type { Transaction } from '../model/transaction.ts';
import { budgetOfMigration, openMigration } from '../migration/open-migration.ts';
import { isoDate } from '../migration/write-receipt.ts';
import { type DrainStep, nextDrainSteps } from '../failover/drain.ts';
import { decideFailback } from '../failover/failback.ts';
import { actsNow, dueSince, rankOf } from '../failover/rank.ts';
import { decideRecovery } from '../failover/recovery.ts';
import { staleMemory } from '../failover/stale-memory.ts';
import { decideTakeover, type PowerOffSight, sightsOf, type TakeoverDecision } from '../failover/takeover.ts';
import type { NewEvent } from '../ports/events.ts';
import type { AgentPorts } from './agent-ports.ts';
import { applyAndSay } from './apply-and-say.ts';
import { SettleMigrations } from './settle-migrations.ts';

const LOOK_EVERY_MS = 250;
/** Between two looks because something has changed: heartbeats of many nodes change something all the time. */
const PAUSE_MS = 50;
const POWER_OFF_MS = 20_000;
const POWER_OFF_AGAIN_MS = 30_000;

/** Something that is due in the cluster, whoever does it: of several agents that do it at once one succeeds. */
interface Due {
  readonly key: string;
  readonly run: () => Promise<void>;
}

/**
 * Looks after the cluster as a whole: takes dead nodes over, brings their VMs back, settles their open migrations, empties nodes
 * that are drained. Every agent runs it; which of them acts first is decided by its rank.
 */
export class Coordinator {
  readonly #ports: AgentPorts;
  readonly #settle: SettleMigrations;
  readonly #powerOff = new Map<NodeName, PowerOffSight>();
  readonly #running = new Set<string>();
  readonly #blocked = new Map<NodeName, string>();
  readonly #silent = new Set<NodeName>();
  #due: ReadonlyMap<string, number> = new Map();
  #heldSinceMs: number | null = null;
  #lookIsComing = false;

  constructor(ports: AgentPorts) {
    this.#ports = ports;
    this.#settle = new SettleMigrations(ports);
  }

  start(): void {
    this.#ports.clock.every(LOOK_EVERY_MS, () => this.#tryToLook());
    this.#ports.view.subscribe(() => this.#lookSoon());
  }

  #lookSoon(): void {
    if (this.#lookIsComing) return;
    this.#lookIsComing = true;
    this.#ports.clock.after(PAUSE_MS, () => {
      this.#lookIsComing = false;
      this.#tryToLook();
    });
  }

  /** The agent that runs this also keeps its guests' authority: whatever is in the store must not end it. */
  #tryToLook(): void {
    try {
      this.#look();
    } catch (error) {
      this.#ports.log.error('The state of the cluster could not be looked after', { error });
    }
  }

  #look(): void {
    const { view, config, log } = this.#ports;
    const now = view.now();
    if (!this.#steady(now.monotonicMs)) {
      // How long something has been due was not seen.
      this.#due = new Map();
      return;
    }
    const rank = rankOf(view.current(), config.node, now);
    const due = this.#findDue(rank);
    this.#due = dueSince(
      this.#due,
      due.map(({ key }) => key),
      now.monotonicMs,
    );
    this.#tellSilences();
    for (const { key, run } of due) {
      if (this.#running.has(key) || !actsNow(rank, now.monotonicMs - (this.#due.get(key) ?? now.monotonicMs))) continue;
      this.#running.add(key);
      void run()
        .catch((error: unknown) =>
          log.warn('Something that is due in the cluster could not be done now', { key, error }),
        )
        .finally(() => this.#running.delete(key));
    }
  }

  /** An agent that was cut off or asleep itself has no reliable idea of who is silent. */
  #steady(nowMs: number): boolean {
    const { view, authority } = this.#ports;
    if (!view.fresh() || !authority.heardByStore()) this.#heldSinceMs = null;
    else this.#heldSinceMs ??= nowMs;
    return this.#heldSinceMs !== null && nowMs - this.#heldSinceMs >= VOTER_STEADY_MS;
  }

  #findDue(rank: number): Due[] {
    return [
      ...this.#takeovers(),
      ...this.#recoveries(),
      ...this.#settlements(),
      ...this.#drains(rank),
      ...this.#failbacks(),
      ...this.#tidying(),
    ];
  }

  #takeovers(): Due[] {
    const { view, config } = this.#ports;
    const state = view.current();
    const sights = sightsOf(state, view.now(), { own: config.node, steady: true, powerOff: this.#powerOff });
    return sights.nodes.flatMap((sight): Due[] => {
      const decision = decideTakeover(sight, sights);
      if (decision.kind === 'take-over') {
        return [{ key: `take-over:${sight.node}`, run: () => this.#write(decision.transaction, decision.events) }];
      }
      if (decision.kind !== 'ask-power-off') return [];
      return [{ key: `power-off:${sight.node}`, run: () => this.#askPowerOff(sight.node, decision) }];
    });
  }

  async #askPowerOff(node: NodeName, decision: Extract<TakeoverDecision, { kind: 'ask-power-off' }>): Promise<void> {
    const { view, fence, events, clock } = this.#ports;
    const device = view.current().nodes.get(node)?.fencing?.value;
    if (device === undefined) return;
    const { heartbeatRevision, reason } = decision;
    const sight = { heartbeatRevision, agent: device.agent, confirmedAt: null, reason: '' };
    this.#powerOff.set(node, { ...sight, state: 'asking' });
    const answer = await fence.powerOff(node, device, POWER_OFF_MS);
    const off = answer.state === 'off';
    const confirmedAt = off ? isoDate(clock.wallMs()) : null;
    this.#powerOff.set(node, { ...sight, state: off ? 'off' : 'failed', confirmedAt, reason: answer.reason });
    // A controller that did not answer may do so later; without a takeover time nothing else would bring the VMs back.
    if (!off) this.#askAgainLater(node, heartbeatRevision);
    events.say({
      ...{ kind: 'fencing-tried', critical: !off, node, vm: null },
      text: off ? `The power of ${node} is off.` : `The power of ${node} could not be switched off.`,
      reason: off ? reason : answer.reason,
    });
    this.#tryToLook();
  }

  #askAgainLater(node: NodeName, heartbeatRevision: string): void {
    this.#ports.clock.after(POWER_OFF_AGAIN_MS, () => {
      if (this.#powerOff.get(node)?.heartbeatRevision === heartbeatRevision) this.#powerOff.delete(node);
    });
  }

  #recoveries(): Due[] {
    const { view } = this.#ports;
    return decideRecovery(view.current(), view.now()).flatMap(({ key, transaction, events }): Due[] =>
      transaction === null ? [] : [{ key, run: () => this.#write(transaction, events) }],
    );
  }

  #settlements(): Due[] {
    return this.#settle.due().map((entry) => {
      const { name } = entry.record.value.definition;
      return { key: `settle:${name}`, run: () => this.#settle.settle(name) };
    });
  }

  #drains(rank: number): Due[] {
    const { view, events } = this.#ports;
    const state = view.current();
    const found: Due[] = [];
    for (const entry of knownNodes(state)) {
      const { name } = entry.facts.value;
      if (entry.service?.value.mode !== 'draining') {
        this.#blocked.delete(name);
        continue;
      }
      const progress = nextDrainSteps(state, view.now(), name);
      for (const step of progress.steps) found.push({ key: step.key, run: () => this.#drainStep(name, step) });
      if (progress.event === null) continue;
      const { event } = progress;
      if (this.#blocked.get(name) === event.reason) continue;
      this.#blocked.set(name, event.reason);
      // Every agent sees it; once is enough to say it.
      if (rank === 0) events.say(event);
    }
    return found;
  }

  #failbacks(): Due[] {
    const { view } = this.#ports;
    return decideFailback(view.current(), view.now()).map((step): Due => {
      const { key } = step;
      if (step.kind === 'finish') return { key, run: () => this.#write(step.transaction, []) };
      const { vm, to, reason } = step;
      const text = `${vm} goes back to ${to}.`;
      const event: NewEvent = { kind: 'vm-failed-back', critical: false, node: to, vm, text, reason };
      return { key, run: () => this.#migrate(vm, { to, event }) };
    });
  }

  async #drainStep(node: NodeName, step: DrainStep): Promise<void> {
    if (step.kind !== 'migrate') return await this.#write(step.transaction, step.event === null ? [] : [step.event]);
    const { vm, to, reason } = step;
    const text = `${vm} is live-migrated to ${to}.`;
    const event: NewEvent = {
      kind: 'vm-moved',
      critical: false,
      node: to,
      vm,
      text,
      reason: `${node} is being drained. ${reason}`,
    };
    await this.#migrate(vm, { to, event });
  }

  async #migrate(vm: VmName, { to, event }: { readonly to: NodeName; readonly event: NewEvent }): Promise<void> {
    const { view, ids, clock, config } = this.#ports;
    const entry = view.current().vms.get(vm);
    if (entry?.record == null || entry.intent !== null) return;
    const encrypted = config.migration.tls;
    const opened = openMigration(view.current(), {
      ...{ id: ids.migrationId(), entry, destination: to, activity: entry.activity, nowMs: clock.wallMs() },
      wishes: { ...budgetOfMigration(entry.record.value), bandwidthBytesPerSecond: null, encrypted },
    });
    if (opened !== null) await this.#write(opened.transaction, [event]);
  }

  /** What an administrator sees first of a failure. Only the first-ranked of the other agents says it. */
  #tellSilences(): void {
    const { view, events, config } = this.#ports;
    const state = view.current();
    for (const entry of knownNodes(state)) {
      const { name } = entry.facts.value;
      const shown = nodeState(entry, view.now());
      const silent = shown === 'down' || shown === 'isolated';
      if (silent === this.#silent.has(name) || shown === 'fenced') continue;
      if (silent) this.#silent.add(name);
      else this.#silent.delete(name);
      // The node itself does not know that it was silent, so the first of the others says both.
      const others = new Map([...state.nodes].filter(([other]) => other !== name));
      if (name === config.node || rankOf({ ...state, nodes: others }, config.node, view.now()) > 0) continue;
      const about = { node: name, vm: null, critical: silent };
      if (silent) {
        const reason =
          shown === 'isolated' ? 'It does not reach the store, but others hear it.' : 'Its heartbeat is silent.';
        events.say({ ...about, kind: 'node-silent', text: `${name} is ${shown}.`, reason });
      } else events.say({ ...about, kind: 'node-back', text: `${name} is heard again.`, reason: '' });
    }
  }

  /** Memory that a failover has left behind. */
  #tidying(): Due[] {
    const { view, config } = this.#ports;
    return staleMemory(view.current(), config.node).map(({ node, transaction }) => ({
      ...{ key: `stale-memory:${node}`, run: () => this.#write(transaction, []) },
    }));
  }

  async #write(transaction: Transaction, events: readonly NewEvent[]): Promise<void> {
    const applied = await applyAndSay(this.#ports, transaction, events);
    // The view shows it in a moment; until then the same would be decided again.
    await this.#ports.clock.sleep(applied ? 20 : 100);
  }
}
