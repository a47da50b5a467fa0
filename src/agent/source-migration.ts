import type { Versioned } from '../model/cluster-state.ts';
import { toErrorBody } from '../model/errors.ts';
import type { MigrationIntent } from '../model/intent.ts';
import type { MigrationId } from '../model/names.ts';
import type { VmDefinition } from '../model/vm.ts';
import { fencedSides } from '../failover/settle-intent.ts';
import { decideMigration } from '../migration/decide.ts';
import { learn } from '../migration/learn.ts';
import type {
  MigrationCommand,
  MigrationObservation,
  MigrationProgress,
  MigrationState,
  PhaseDecision,
} from '../migration/migration.ts';
import { type MigrationPhase, phaseTitle } from '../migration/phases.ts';
import type { PhaseTiming } from '../migration/receipt.ts';
import type { Instance, InstanceEvent, TransferSnapshot } from '../ports/hypervisor.ts';
import type { PeerRequests } from '../ports/peers.ts';
import type { AgentPorts } from './agent-ports.ts';
import type { FoundForClosing } from './close-migration.ts';
import { askAdmission } from './ask-admission.ts';
import { GuestTraffic } from './guest-traffic.ts';
import { MigrationNotes } from './migration-notes.ts';
import { MigrationProgressWriter } from './migration-progress.ts';
import { relateClocks } from './relate-clocks.ts';
import { runMigrationCommand } from './run-migration-command.ts';
import { ConvergenceSteering } from './steer-convergence.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const TICK_MS = 100;
const RETRY_MS = 150;
/** How often one that waits for others looks at them again: it goes through the cluster's receipts for each. */
const LOOK_AT_OTHERS_EVERY_MS = 1000;

export interface SourceMigrationInput {
  readonly intent: Versioned<MigrationIntent>;
  readonly definition: VmDefinition;
  /** Whether the guard stops it. */
  readonly guarded: boolean;
  /** QEMU on this node; null if it is gone. */
  readonly instance: Instance | null;
  /** Whether this agent was started while the migration was open. */
  readonly agentRestarted: boolean;
}

/**
 * Drives one migration from the source: look, decide, act. What is not in the store is in QEMU, so a restarted agent
 * begins here again with what it sees.
 *
 * The switchover is the hot path: QEMU's `completed` sends GO straight from the event handler. Nothing is
 * stored, queried or awaited between STOP and GO.
 */
export class SourceMigration {
  readonly input: SourceMigrationInput;
  readonly ports: AgentPorts;
  readonly notes: MigrationNotes;
  readonly seen: Mutable<MigrationObservation>;
  state: Mutable<MigrationState> = {
    phase: 'pre-migration',
    aborting: null,
    destinationDiscarded: false,
    announceNeeded: false,
  };
  /** Where the destination's QEMU listens; known after `prepare-destination`. */
  destination: { readonly addresses: readonly string[]; readonly port: number } | null = null;
  /** Follows the rounds and sets QEMU's limits. */
  readonly steering: ConvergenceSteering;
  readonly traffic: GuestTraffic;
  /** The destination's answer to `prepare-destination`, asked for while the source is checked. */
  preparing: Promise<PeerRequests['prepare-destination']['response']> | null = null;
  /** What the closing transaction compares, read ahead. */
  closing: Promise<FoundForClosing> | null = null;
  ended = false;
  readonly #progress: MigrationProgressWriter;
  #stoppedAtMonotonicMs: number | null = null;
  #lastGrowth: { readonly bytes: number; readonly atMs: number } | null = null;
  #goInFlight: Promise<void> | null = null;
  /** An agent that was restarted does not know what the one before it has sent. */
  #goMayHaveBeenSent: boolean;
  #admissionCause = '';
  #lookedAtOthersAtMs = 0;
  #wake: () => void = () => undefined;

  constructor(input: SourceMigrationInput, ports: AgentPorts) {
    const intent = input.intent.value;
    this.input = input;
    this.ports = ports;
    this.#goMayHaveBeenSent = input.agentRestarted;
    this.notes = new MigrationNotes({
      intent,
      memoryBytes: input.definition.memoryBytes,
      agentRestarted: input.agentRestarted,
      clock: ports.clock,
      ...(input.agentRestarted && { phasesBefore: notedPhases(ports.view, intent.migrationId) }),
    });
    this.#progress = new MigrationProgressWriter(ports, input.intent.modRevision);
    this.seen = {
      sourceAlive: input.instance?.alive ?? false,
      guestRunsOnSource: true,
      sourceStatus: 'none',
      committed: false,
      transferStarted: false,
      connected: false,
      stoppedForMs: null,
      silentForMs: null,
      destination: 'unknown',
      destinationMayHaveRun: true,
      sourceChecked: false,
      destinationPrepared: false,
      cancelRequested: null,
      waitingFor: null,
      gaveUp: null,
      expectedBlackoutMs: intent.budgetMs,
    };
    this.steering = new ConvergenceSteering({
      ...{ instance: input.instance, notes: this.notes, seen: this.seen, log: ports.log },
      fixedBlackout: learn(ports.view.current().migrations, intent).fixedBlackout,
      wake: () => this.#wake(),
    });
    this.traffic = new GuestTraffic({
      ...{ intent, ports, definition: input.definition, instance: input.instance, peer: () => this.peer() },
      clockOffsetMs: () => this.notes.clock?.offsetMs ?? null,
    });
  }

  /** Runs until the migration is closed in the store. Never throws. */
  async run(): Promise<void> {
    const { instance } = this.input;
    const unsubscribe = instance?.subscribe((event) => this.#onEvent(event)) ?? (() => undefined);
    const stopProgress = this.ports.clock.every(250, () => void this.#followTransfer());
    try {
      if (this.input.agentRestarted) await this.#lookAtQemu();
      while (!this.ended) await this.#step();
    } finally {
      stopProgress();
      unsubscribe();
    }
  }

  requestCancel(reason: string): void {
    this.seen.cancelRequested ??= reason;
    this.#wake();
  }

  /** GO, sent at most once at a time; repeated by the loop until the destination has answered. */
  sendGo(): Promise<void> {
    this.#goMayHaveBeenSent = true;
    this.#goInFlight ??= this.#go().finally(() => {
      this.#goInFlight = null;
      this.#wake();
    });
    return this.#goInFlight;
  }

  peer() {
    const { destination } = this.input.intent.value;
    const facts = this.ports.view.current().nodes.get(destination)?.facts.value;
    return this.ports.peers.peer(destination, facts?.addresses ?? [], facts?.peerPort ?? this.ports.config.peerPort);
  }

  enter(phase: MigrationPhase, atMs: number): void {
    if (this.state.phase === phase) return;
    this.state.phase = phase;
    this.notes.enter(phase, atMs);
    this.ports.log.info('Migration phase', { migration: this.notes.intent.migrationId, phase });
    this.#publishProgress(null);
  }

  async askDestination(): Promise<void> {
    const { migrationId, vm } = this.input.intent.value;
    try {
      const status = await this.peer().call('destination-status', { migrationId, vm }, 1000);
      this.seen.destination = status.copy;
      this.seen.destinationMayHaveRun = status.mayHaveRun;
    } catch {
      this.seen.destination = 'unknown';
    }
  }

  async #go(): Promise<void> {
    const { migrationId, vm, epoch } = this.input.intent.value;
    try {
      const answer = await this.peer().call('go', { migrationId, vm, epoch }, 2000);
      this.notes.times.goReceivedAtMs = answer.receivedAtMs;
      this.notes.times.resumedAtMs = answer.resumedAtMs;
      this.seen.destination = 'running';
      this.seen.destinationMayHaveRun = true;
    } catch (error) {
      this.ports.log.warn('GO was not answered with success', { migration: migrationId, error: toErrorBody(error) });
      await this.askDestination();
      if (this.seen.destination !== 'running') await this.ports.clock.sleep(RETRY_MS);
    }
  }

  #onEvent(event: InstanceEvent): void {
    const { seen, notes } = this;
    switch (event.kind) {
      case 'migration-status':
        if (!seen.transferStarted) return;
        seen.sourceStatus = event.status;
        if (event.status === 'active') this.#transferBegan();
        if (event.status === 'device') notes.times.deviceAtMs = event.atMs;
        if (event.status === 'completed') {
          // The commit point. GO first, everything else afterwards.
          seen.committed = true;
          void this.sendGo();
          notes.times.completedAtMs = event.atMs;
          this.enter('commitment-and-activation', event.atMs);
        }
        break;
      case 'stopped':
        seen.guestRunsOnSource = false;
        this.#stoppedAtMonotonicMs = this.ports.clock.monotonicMs();
        notes.times.stoppedAtMs = event.atMs;
        this.traffic.guestStopped(event.atMs);
        if (seen.transferStarted && this.state.aborting === null) this.enter('stop-and-copy', event.atMs);
        break;
      case 'resumed':
        seen.guestRunsOnSource = true;
        if (this.#stoppedAtMonotonicMs !== null) this.state.announceNeeded = true;
        this.#stoppedAtMonotonicMs = null;
        break;
      case 'migration-round':
        if (seen.guestRunsOnSource) this.traffic.roundBegan(event.atMs);
        this.steering.roundBegan(event.round, event.atMs);
        return;
      case 'shutdown':
        this.#guestEnded();
        break;
      case 'gone':
        seen.sourceAlive = false;
        break;
    }
    this.#wake();
  }

  /** From here on QEMU sends; until then it connected and looked through the guest's memory. */
  #transferBegan(): void {
    this.seen.connected = true;
    this.#lastGrowth = { bytes: 0, atMs: this.ports.clock.monotonicMs() };
  }

  /** The guest powered itself off: there is nothing to move any more, and nothing that would resume. */
  #guestEnded(): void {
    if (this.seen.committed) return;
    this.seen.cancelRequested ??= 'the guest shut itself down';
    this.seen.guestRunsOnSource = true;
  }

  async #step(): Promise<void> {
    this.#look();
    const decision = decideMigration(this.state, this.seen);
    switch (decision.kind) {
      case 'wait':
        await this.#pause(TICK_MS);
        return;
      case 'advance':
        this.enter(decision.to, this.ports.clock.wallMs());
        return;
      case 'abort':
        this.#abort(decision);
        return;
      case 'run':
        await this.#run(decision.command);
        return;
    }
  }

  #abort({ outcome, reason }: Extract<PhaseDecision, { kind: 'abort' }>): void {
    this.state.aborting = { outcome, reason };
    // The policy has said it already.
    if (reason === this.seen.gaveUp) return;
    this.notes.decide(outcome === 'cancelled' ? 'cancel' : 'give up', `in ${phaseTitle(this.state.phase)}: ${reason}`);
  }

  async #run(command: MigrationCommand): Promise<void> {
    try {
      await runMigrationCommand(command, this);
    } catch (error) {
      const { message } = toErrorBody(error);
      this.ports.log.warn('A step of a migration failed', { migration: this.notes.intent.migrationId, command, error });
      const gives = command === 'check-source' || command === 'prepare-destination' || command === 'start-transfer';
      if (gives && this.state.aborting === null) this.#abort({ kind: 'abort', outcome: 'failed', reason: message });
      else await this.#pause(RETRY_MS);
    }
  }

  #look(): void {
    const { seen, ports } = this;
    const { instance, intent } = this.input;
    seen.sourceAlive = instance?.alive ?? false;
    const nowMs = ports.clock.monotonicMs();
    seen.stoppedForMs = this.#stoppedAtMonotonicMs === null ? null : nowMs - this.#stoppedAtMonotonicMs;
    if (seen.transferStarted) this.#lastGrowth ??= { bytes: 0, atMs: nowMs };
    seen.silentForMs = this.#lastGrowth === null ? null : nowMs - this.#lastGrowth.atMs;
    this.#lookAtDestination();
    const cancel = ports.view.current().vms.get(intent.value.vm)?.cancel?.value;
    if (cancel?.migrationId === intent.value.migrationId) seen.cancelRequested ??= cancel.reason;
    if (this.state.phase === 'pre-migration') this.#lookAtOthers();
  }

  /** A destination that is fenced answers no more; its copy may have run, unless GO was never sent to it. */
  #lookAtDestination(): void {
    const entry = this.ports.view.current().vms.get(this.input.intent.value.vm);
    if (entry?.intent == null || entry.record == null) return;
    if (!fencedSides(this.ports.view.current(), entry).destinationFenced) return;
    this.seen.destination = 'dead';
    this.seen.destinationMayHaveRun = this.#goMayHaveBeenSent;
  }

  /** Whether others use the link so much that this one had better wait; said once for each cause. */
  #lookAtOthers(): void {
    const nowMs = this.ports.clock.monotonicMs();
    if (this.seen.waitingFor !== null && nowMs - this.#lookedAtOthersAtMs < LOOK_AT_OTHERS_EVERY_MS) return;
    this.#lookedAtOthersAtMs = nowMs;
    const admission = askAdmission(this.notes.intent.migrationId, this.ports.view);
    this.seen.waitingFor = admission.admitted ? null : admission.reason;
    if (admission.cause === this.#admissionCause) return;
    this.#admissionCause = admission.cause;
    if (admission.admitted && this.notes.decisions.at(-1)?.what !== 'wait') return;
    this.notes.decide(admission.admitted ? 'go on' : 'wait', admission.reason);
    this.#publishProgress(null);
  }

  /** After a restart of the agent: what QEMU knows of this migration. */
  async #lookAtQemu(): Promise<void> {
    const { instance } = this.input;
    if (instance?.alive !== true) {
      this.state.aborting = { outcome: 'failed', reason: "the VM's QEMU ended while its agent was away" };
      return;
    }
    const [figures, runState] = await Promise.all([instance.transfer(), instance.runState()]);
    this.notes.decide('resume', `the agent was restarted; QEMU reports "${figures.status}", the guest is ${runState}`);
    void this.relateClocks();
    this.seen.guestRunsOnSource = runState === 'running';
    if (figures.status === 'none' || (figures.status === 'completed' && runState !== 'postmigrate')) return;
    // What is left of an earlier migration of this VM, which QEMU had not ended yet when this one was opened.
    const isOver = ['cancelling', 'cancelled', 'failed'].includes(figures.status);
    if (isOver && !this.notes.hasEntered('iterative-pre-copy')) return;
    this.seen.transferStarted = true;
    this.seen.destinationPrepared = true;
    this.seen.sourceChecked = true;
    this.seen.sourceStatus = figures.status;
    this.seen.connected =
      figures.status !== 'setup' && (figures.status !== 'cancelling' || figures.transferredBytes > 0);
    this.seen.committed = figures.status === 'completed';
    if (runState === 'finish-migrate') this.#stoppedAtMonotonicMs = this.ports.clock.monotonicMs();
    // The commit point may be behind it: then QEMU takes no more parameters, and needs none.
    if (figures.status === 'active') await this.steering.resume().catch(() => undefined);
    if (runState === 'running') this.notes.resumed(figures, this.ports.clock.wallMs());
    this.enter('iterative-pre-copy', this.ports.clock.wallMs());
  }

  async relateClocks(): Promise<void> {
    const found = await relateClocks(this.peer(), this.ports.clock);
    // Asked more than once, because a node that is busy answers late: the best answer counts.
    if (found !== null && found.errorMs < (this.notes.clock?.errorMs ?? Number.POSITIVE_INFINITY))
      this.notes.clock = found;
  }

  /** While the guest runs: is anything being sent, and what to show. */
  async #followTransfer(): Promise<void> {
    const { seen } = this;
    if (seen.sourceStatus !== 'active' || !seen.guestRunsOnSource || this.input.instance === null) return;
    try {
      const figures = await this.input.instance.transfer();
      if (figures.transferredBytes > 0) this.notes.transferredBytes = figures.transferredBytes;
      if (figures.transferredBytes !== this.#lastGrowth?.bytes) {
        this.#lastGrowth = { bytes: figures.transferredBytes, atMs: this.ports.clock.monotonicMs() };
      }
      if (seen.guestRunsOnSource) this.traffic.follow(figures);
      this.#publishProgress(figures);
    } catch (error) {
      this.ports.log.debug('No figures of the transfer', { error });
    }
  }

  #publishProgress(figures: TransferSnapshot | null): void {
    if (!this.seen.guestRunsOnSource || this.seen.committed) return; // Nothing is stored in the blackout.
    const { phases } = this.notes.timings(this.state.phase);
    this.#progress.write(this.notes.progress(this.state.phase, figures, phases));
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.ports.clock.after(ms, resolve);
    this.#wake = resolve;
    await promise;
    cancel();
  }
}

/** Every phase is noted when it is entered, but those of the blackout, in which nothing is stored. */
function notedPhases(view: AgentPorts['view'], id: MigrationId): readonly PhaseTiming[] {
  const progress = view.current().progress.get(id) as Partial<MigrationProgress> | null | undefined;
  return progress?.phases ?? [];
}
