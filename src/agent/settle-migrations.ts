import type { VmEntry } from '../model/cluster-state.ts';
import type { NodeName, VmName } from '../model/names.ts';
import { type Aborting } from '../migration/migration.ts';
import { writeReceipt } from '../migration/write-receipt.ts';
import {
  closingTransaction,
  type DestinationKnowledge,
  fencedSides,
  type SettleDecision,
  settleIntent,
} from '../failover/settle-intent.ts';
import type { NewEvent } from '../ports/events.ts';
import type { DestinationStatus } from '../ports/peers.ts';
import type { AgentPorts } from './agent-ports.ts';
import { applyAndSay } from './apply-and-say.ts';
import { MigrationNotes } from './migration-notes.ts';

type SettlePorts = Pick<AgentPorts, 'config' | 'store' | 'view' | 'peers' | 'events' | 'clock' | 'log'>;

const CALL_MS = 1000;

/**
 * Closes migrations whose source is fenced: the destination's agent is asked what has become of its copy, and is the single arbiter
 * over it. Those whose source answers are closed by its own agent.
 */
export class SettleMigrations {
  readonly #ports: SettlePorts;
  readonly #busy = new Set<VmName>();

  constructor(ports: SettlePorts) {
    this.#ports = ports;
  }

  /** VMs whose migration is to be settled by somebody else than its source's agent. */
  due(): readonly VmEntry[] {
    const state = this.#ports.view.current();
    return [...state.vms.values()].filter(
      (entry) => entry.intent != null && entry.record != null && fencedSides(state, entry).sourceFenced,
    );
  }

  async settle(vm: VmName): Promise<void> {
    if (this.#busy.has(vm)) return;
    this.#busy.add(vm);
    try {
      await this.#step(vm);
    } catch (error) {
      this.#ports.log.warn('An open migration could not be settled yet', { vm, error });
    } finally {
      this.#busy.delete(vm);
    }
  }

  async #step(vm: VmName): Promise<void> {
    const entry = this.#ports.view.current().vms.get(vm);
    if (entry?.intent == null || entry.record == null) return;
    const sides = fencedSides(this.#ports.view.current(), entry);
    const destination = sides.destinationFenced ? NOT_ASKED : await this.#ask(entry, 'destination-status');
    const decision = settleIntent({ ...sides, source: { kind: 'silent' }, destination });
    this.#ports.log.info('Settling an open migration', { vm, decision });
    if (decision.kind === 'close') return await this.#close(entry, decision);
    if (decision.kind !== 'do' || decision.by !== 'destination') return;
    if (decision.what === 'discard-copy') await this.#ask(entry, 'discard-destination');
    else if (decision.what === 'run-copy') await this.#go(entry);
  }

  async #ask(entry: VmEntry, method: 'destination-status' | 'discard-destination'): Promise<DestinationKnowledge> {
    const intent = entry.intent?.value;
    if (intent === undefined) return NOT_ASKED;
    try {
      const { migrationId, vm } = intent;
      return known(await this.#peer(intent.destination).call(method, { migrationId, vm }, CALL_MS));
    } catch {
      return { kind: 'silent' };
    }
  }

  async #go(entry: VmEntry): Promise<void> {
    if (entry.intent === null) return;
    const { migrationId, vm, epoch, destination } = entry.intent.value;
    await this.#peer(destination).call('go', { migrationId, vm, epoch }, CALL_MS);
  }

  #peer(node: NodeName) {
    const { view, peers, config } = this.#ports;
    const facts = view.current().nodes.get(node)?.facts?.value;
    return peers.peer(node, facts?.addresses ?? [], facts?.peerPort ?? config.peerPort);
  }

  async #close(entry: VmEntry, decision: Extract<SettleDecision, { kind: 'close' }>): Promise<void> {
    const { view, clock } = this.#ports;
    if (entry.intent === null) return;
    const { vm, source, destination } = entry.intent.value;
    const receipt = this.#receipt(entry, decision);
    const transaction = closingTransaction(view.current(), entry, { decision, receipt, now: view.now() });
    if (transaction === null) return;
    const handedOver = decision.settlement === 'handed-over';
    const event: NewEvent = {
      ...{ kind: 'vm-settled', critical: true, node: handedOver ? destination : source, vm },
      text: handedOver
        ? `${vm} runs on ${destination}: its migration had come through.`
        : `The migration of ${vm} to ${destination} is closed; it is started from its disk.`,
      reason: decision.reason,
    };
    if (!(await applyAndSay(this.#ports, transaction, [event]))) await clock.sleep(100);
  }

  /** Of what is known without the source's agent. */
  #receipt(entry: VmEntry, decision: Extract<SettleDecision, { kind: 'close' }>) {
    const intent = entry.intent?.value;
    if (intent === undefined) throw new Error('There is no open migration.');
    const { memoryBytes } = entry.record.value.definition;
    const notes = new MigrationNotes({ intent, memoryBytes, agentRestarted: true, clock: this.#ports.clock });
    notes.decide('settle', `${decision.reason}; decided by ${this.#ports.config.node}`);
    const aborting: Aborting | null =
      decision.settlement === 'handed-over' ? null : { outcome: 'failed', reason: decision.reason };
    return writeReceipt(notes.measured('commitment-and-activation', aborting));
  }
}

const NOT_ASKED: DestinationKnowledge = { kind: 'not-asked' };

function known({ copy, mayHaveRun, hasGo }: DestinationStatus): DestinationKnowledge {
  return { kind: 'answered', copy, mayHaveRun, hasGo };
}
