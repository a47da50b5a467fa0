import type { Versioned } from '../src/model/cluster-state.ts';
import type { MigrationIntent } from '../src/model/intent.ts';
import { closingTransaction, fencedSides, type SettlementKind } from '../src/failover/settle-intent.ts';
import type { MigrationCommand, MigrationObservation, MigrationState } from '../src/migration/migration.ts';
import type { SimulatedAgent } from './agent.ts';
import type { Qemu } from './qemu.ts';
import { receiptOf } from './receipt.ts';
import { startTransfer } from './transfer.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const TICK_MS = 100;
const RETRY_MS = 150;

/** Drives one migration from the source: look, decide, act, as src/agent/source-migration.ts does. */
export class MigrationDriver {
  readonly #agent: SimulatedAgent;
  readonly #intent: Versioned<MigrationIntent>;
  readonly #qemu: Qemu | null;
  readonly state: Mutable<MigrationState> = {
    ...{ phase: 'pre-migration', aborting: null, destinationDiscarded: false, announceNeeded: false },
  };
  readonly seen: Mutable<MigrationObservation>;
  #goMayHaveBeenSent: boolean;
  #goInFlight = false;
  #stoppedAt: number | null = null;
  #ended = false;
  #onEnd: () => void = () => undefined;

  constructor(
    agent: SimulatedAgent,
    input: { readonly intent: Versioned<MigrationIntent>; readonly restarted: boolean },
  ) {
    this.#agent = agent;
    this.#intent = input.intent;
    const { vm } = input.intent.value;
    this.#qemu = agent.vms.copyOf(vm) ?? null;
    this.#goMayHaveBeenSent = input.restarted;
    this.seen = {
      ...{ sourceAlive: this.#qemu !== null, guestRunsOnSource: true, sourceStatus: 'none', committed: false },
      ...{ transferStarted: false, connected: true, stoppedForMs: null, silentForMs: null, destination: 'unknown' },
      ...{ destinationMayHaveRun: true, sourceChecked: false, destinationPrepared: false, cancelRequested: null },
      ...{ waitingFor: null, gaveUp: null, expectedBlackoutMs: input.intent.value.budgetMs },
    };
    if (input.restarted) this.#lookAtQemu();
  }

  run(onEnd: () => void): void {
    this.#onEnd = onEnd;
    this.#step();
  }

  copyEnded(qemu: Qemu): void {
    if (qemu === this.#qemu) this.seen.sourceAlive = false;
  }

  // QEMU's events.

  stopped(): void {
    this.seen.guestRunsOnSource = false;
    this.#stoppedAt = this.#agent.machine.mono();
  }

  resumed(): void {
    this.seen.guestRunsOnSource = true;
    if (this.#stoppedAt !== null) this.state.announceNeeded = true;
    this.#stoppedAt = null;
  }

  guestRuns(qemu: Qemu): void {
    if (qemu === this.#qemu) this.resumed();
  }

  status(status: MigrationObservation['sourceStatus']): void {
    if (!this.seen.transferStarted) return;
    this.seen.sourceStatus = status;
    if (!this.#agent.world.rules.goAfterCompleted && status === 'failed') this.#sendGo(() => undefined);
    if (status !== 'completed') return;
    this.seen.committed = true;
    if (this.#agent.world.telling) this.#tell('the commit point: the source has completed');
    this.#sendGo(() => undefined);
    this.state.phase = 'commitment-and-activation';
  }

  #tell(text: string): void {
    this.#agent.world.tell({ kind: 'migration', vm: this.#intent.value.vm, text });
  }

  #lookAtQemu(): void {
    const { seen, state } = this;
    const qemu = this.#qemu;
    if (qemu === null) {
      state.aborting = { outcome: 'failed', reason: "the VM's QEMU ended while its agent was away" };
      return;
    }
    const { status } = qemu.migration;
    seen.guestRunsOnSource = qemu.state === 'running';
    if (status === 'none' || (status === 'completed' && qemu.state !== 'postmigrate')) return;
    Object.assign(seen, {
      transferStarted: true,
      destinationPrepared: true,
      sourceChecked: true,
      sourceStatus: status,
    });
    seen.committed = status === 'completed';
    state.phase = 'iterative-pre-copy';
  }

  #look(): void {
    const { seen } = this;
    const { view, machine } = this.#agent;
    seen.sourceAlive = this.#qemu?.alive === true && !this.#qemu.dying;
    seen.stoppedForMs = this.#stoppedAt === null ? null : machine.mono() - this.#stoppedAt;
    const entry = view.vms.get(this.#intent.value.vm);
    if (entry?.cancel?.value.migrationId === this.#intent.value.migrationId) seen.cancelRequested ??= 'asked by a user';
    if (entry?.intent == null || entry.record == null || !fencedSides(view, entry).destinationFenced) return;
    seen.destination = 'dead';
    seen.destinationMayHaveRun = this.#goMayHaveBeenSent;
  }

  #step(): void {
    if (this.#ended) return;
    const { view, world } = this.#agent;
    const entry = view.vms.get(this.#intent.value.vm);
    if (entry?.intent?.modRevision !== this.#intent.modRevision) return this.#end();
    this.#look();
    const decision = world.protocol.decideMigration(this.state, this.seen);
    const next = (delay: number) => this.#agent.after(delay, () => this.#step());
    switch (decision.kind) {
      case 'wait':
        return next(TICK_MS);
      case 'advance':
        this.state.phase = decision.to;
        if (world.telling) this.#tell(`phase ${decision.to}`);
        return next(1);
      case 'abort':
        this.state.aborting = { outcome: decision.outcome, reason: decision.reason };
        if (world.telling) this.#tell(`${decision.outcome}: ${decision.reason}`);
        return next(1);
      case 'run':
        return this.#run(decision.command, (failed) => next(failed ? RETRY_MS : 1));
    }
  }

  #end(): void {
    this.#ended = true;
    this.#onEnd();
  }

  #run(command: MigrationCommand, done: (failed: boolean) => void): void {
    const { machine } = this.#agent;
    const qemu = this.#qemu;
    switch (command) {
      case 'check-source':
        this.seen.sourceChecked = qemu?.state === 'running';
        if (!this.seen.sourceChecked) this.state.aborting = { outcome: 'failed', reason: 'the guest does not run' };
        return this.#agent.after(5, () => done(false));
      case 'prepare-destination':
        return this.#prepare(done);
      case 'start-transfer':
        this.seen.transferStarted = true;
        if (qemu !== null) startTransfer(this.#agent, { source: qemu, intent: this.#intent.value });
        return done(false);
      case 'cancel-transfer':
        return this.#cancel(done);
      case 'ask-destination':
        return this.#askDestination(() => done(this.seen.destination === 'unknown'));
      case 'send-go':
        return this.#sendGo(done);
      case 'retire-source':
        if (qemu === null) return done(false);
        return machine.kill(qemu, () => machine.agentProcess.deliver(() => done(false)));
      case 'discard-destination':
        return this.#discard(done);
      case 'announce-source':
        this.state.announceNeeded = false;
        return done(false);
      case 'hand-over-ownership':
        return this.#close('handed-over', done);
      case 'close-intent':
        return this.#close('stayed', done);
      case 'close-intent-and-continue-source':
        return this.#close('continues-anew', done);
      case 'close-intent-as-lost':
        if (qemu !== null) machine.kill(qemu);
        return this.#close('restart', done);
    }
  }

  #prepare(done: (failed: boolean) => void): void {
    const intent = this.#intent.value;
    this.#agent.call<boolean>(intent.destination, 15_000, {
      run: (other, answer) => other.migrations.prepare(intent, answer),
      done: (ready) => {
        if (ready === true) this.seen.destinationPrepared = true;
        else this.state.aborting ??= { outcome: 'failed', reason: 'the destination could not be prepared' };
        done(false);
      },
    });
  }

  #cancel(done: (failed: boolean) => void): void {
    const qemu = this.#qemu;
    const { engine, random } = this.#agent.world;
    const { agentProcess } = this.#agent.machine;
    engine.after(random.qemu.between(5, 40), () => {
      if (qemu !== null && qemu.alive && ['setup', 'active', 'device'].includes(qemu.migration.status)) {
        qemu.migration = { ...qemu.migration, status: 'cancelled' };
        if (qemu.state === 'paused' && this.#stoppedAt !== null) this.#resumeByItself(qemu);
      }
      agentProcess.deliver(() => {
        if (qemu !== null) this.seen.sourceStatus = qemu.migration.status;
        if (qemu?.state === 'running') this.resumed();
        if (qemu?.state === 'postmigrate') this.seen.committed = true;
        done(false);
      });
    });
  }

  /** QEMU resumes the guest that it had stopped itself. */
  #resumeByItself(qemu: Qemu): void {
    qemu.state = 'running';
    this.#agent.world.oracle.changed(qemu);
  }

  #askDestination(done: () => void): void {
    const { destination, migrationId } = this.#intent.value;
    this.#agent.call<ReturnType<SimulatedAgent['migrations']['status']>>(destination, 1000, {
      run: (other, answer) => answer(other.migrations.status(migrationId)),
      done: (status) => {
        this.seen.destination = status?.copy ?? 'unknown';
        if (status !== null) this.seen.destinationMayHaveRun = status.mayHaveRun;
        done();
      },
    });
  }

  #sendGo(done: (failed: boolean) => void): void {
    this.#goMayHaveBeenSent = true;
    if (this.#goInFlight) return this.#agent.after(20, () => done(false));
    this.#goInFlight = true;
    const { destination, migrationId } = this.#intent.value;
    this.#agent.call<boolean>(destination, 2000, {
      run: (other, answer) => answer(other.migrations.go(migrationId)),
      done: (runs) => {
        this.#goInFlight = false;
        if (runs === true) {
          this.seen.destination = 'running';
          this.seen.destinationMayHaveRun = true;
          return done(false);
        }
        this.#askDestination(() => done(this.seen.destination !== 'running'));
      },
    });
  }

  #discard(done: (failed: boolean) => void): void {
    const { destination, migrationId, vm } = this.#intent.value;
    this.#agent.call<ReturnType<SimulatedAgent['migrations']['status']>>(destination, 1500, {
      run: (other, answer) => other.migrations.discard(migrationId, vm, answer),
      done: (status) => {
        if (status === null) {
          this.state.destinationDiscarded = this.seen.sourceAlive;
          if (!this.seen.sourceAlive) this.seen.destination = 'unknown';
          return done(true);
        }
        this.seen.destination = status.copy;
        this.seen.destinationMayHaveRun = status.mayHaveRun;
        this.state.destinationDiscarded = status.copy !== 'running';
        done(false);
      },
    });
  }

  #close(settlement: SettlementKind, done: (failed: boolean) => void): void {
    const { view, world, machine, standing } = this.#agent;
    const entry = view.vms.get(this.#intent.value.vm);
    if (entry?.record == null || entry.intent?.modRevision !== this.#intent.modRevision) return done(true);
    const reason = this.state.aborting?.reason ?? 'the migration has ended';
    const decision = { kind: 'close', settlement, mayRun: 'neither', reason, relyOnFenced: [] } as const;
    const receipt = receiptOf(this.#intent.value, {
      outcome: this.state.aborting?.outcome ?? 'completed',
      reason,
      world,
    });
    const transaction = closingTransaction(view, entry, { decision, receipt, now: this.#agent.now() });
    if (transaction === null) return done(true);
    world.strikes.reached('closing', this.#intent.value);
    this.#agent.transact(transaction, 2000, (outcome) => {
      if (outcome.kind !== 'applied') return this.#agent.after(50, () => done(true));
      if (world.telling) this.#tell(`closed: ${settlement}`);
      if (settlement === 'continues-anew' && this.#qemu !== null) machine.resumeGuest(this.#qemu, standing.untilMs);
      this.#end();
    });
  }
}
