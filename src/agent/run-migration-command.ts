import { GodwitError } from '../model/errors.ts';
import type { PeerRequests } from '../ports/peers.ts';
import type { MigrationCommand } from '../migration/migration.ts';
import { writeReceipt } from '../migration/write-receipt.ts';
import { pendingReceipt } from '../migration/complete-receipt.ts';
import type { SettlementKind } from '../failover/settle-intent.ts';
import { closeMigration, readForClosing } from './close-migration.ts';
import { finishReceipt } from './finish-receipt.ts';
import type { SourceMigration } from './source-migration.ts';

/** Until QEMU is looked at again; its connect may take two minutes to fail. */
const QEMU_STILL_BUSY_MS = 500;

type Prepared = PeerRequests['prepare-destination']['response'];

/** Carries out one decision. Every command may be repeated: whoever runs it again finds part of it done. */
export async function runMigrationCommand(command: MigrationCommand, migration: SourceMigration): Promise<void> {
  const { instance } = migration.input;
  const { seen, state } = migration;
  switch (command) {
    case 'check-source':
      return await checkSource(migration);
    case 'prepare-destination':
      return await prepareDestination(migration);
    case 'start-transfer':
      return await startTransfer(migration);
    case 'cancel-transfer':
      await instance?.cancelTransfer();
      return await waitForResume(migration);
    case 'ask-destination':
      await migration.askDestination();
      if (seen.destination === 'unknown') await migration.ports.clock.sleep(150);
      return;
    case 'send-go':
      return await migration.sendGo();
    case 'retire-source':
      return await retireSource(migration);
    case 'discard-destination':
      return await discardDestination(migration);
    case 'announce-source':
      await migration.traffic.guestStayed();
      await instance?.announce();
      state.announceNeeded = false;
      return;
    case 'hand-over-ownership':
      return await close(migration, 'handed-over');
    case 'close-intent':
      return await close(migration, 'stayed');
    case 'close-intent-and-continue-source':
      return await continueSource(migration);
    case 'close-intent-as-lost':
      return await closeAsLost(migration);
  }
}

async function checkSource(migration: SourceMigration): Promise<void> {
  const { instance } = migration.input;
  // The destination's QEMU starts while the questions are asked; if one is answered badly the undo discards it. A migration that
  // waits for others may do so for hours, and holds nothing there meanwhile.
  if ((await instance?.transfer())?.status === 'cancelling') return await waitForQemu(migration);
  if (migration.seen.waitingFor === null) void askToPrepare(migration).catch(() => undefined);
  const [figures, runState] = await Promise.all([
    instance?.transfer(),
    instance?.runState(),
    migration.peer().call('ping', {}, 2000),
    migration.relateClocks(),
  ]);
  const reasons = [...(figures?.blockedReasons ?? [])];
  if (runState !== 'running') reasons.push(`the guest is ${runState ?? 'gone'}`);
  if (reasons.length > 0) throw refused(migration, reasons.join('; '));
  migration.seen.sourceChecked = true;
}

/** An earlier transfer was given up while QEMU connected to a machine that was gone; it takes no other one until that has failed. */
async function waitForQemu({ notes, ports }: SourceMigration): Promise<void> {
  const why = 'QEMU still ends an earlier transfer, to a machine that did not answer';
  if (notes.decisions.at(-1)?.why !== why) notes.decide('wait', why);
  await ports.clock.sleep(QEMU_STILL_BUSY_MS);
}

function askToPrepare(migration: SourceMigration): Promise<Prepared> {
  const { intent, definition, guarded } = migration.input;
  migration.preparing ??= migration
    .peer()
    .call('prepare-destination', { intent: intent.value, definition, guarded }, 15_000);
  return migration.preparing;
}

async function prepareDestination(migration: SourceMigration): Promise<void> {
  const prepared = await askToPrepare(migration);
  migration.destination = prepared;
  migration.traffic.begin(prepared);
  migration.seen.destinationPrepared = true;
}

async function startTransfer(migration: SourceMigration): Promise<void> {
  const { destination, steering } = migration;
  const { instance, intent } = migration.input;
  const address = destination?.addresses[0];
  if (instance === null || destination === null || address === undefined) {
    throw refused(migration, 'the destination has not said where it listens');
  }
  // Before the call: an idle guest may be through before the answer is.
  migration.seen.transferStarted = true;
  await instance.startTransfer({
    address,
    port: destination.port,
    tlsPeer: intent.value.encrypted ? intent.value.destination : null,
    bandwidthBytesPerSecond: intent.value.bandwidthBytesPerSecond,
    downtimeLimitMs: steering.qemuLimitMs,
    compression: intent.value.compression,
    throttlePercentMax: 0,
  });
  void migration.relateClocks();
}

/** A cancel is done when QEMU says so; the loop looks again either way. */
async function waitForResume(migration: SourceMigration): Promise<void> {
  const { clock } = migration.ports;
  const { instance } = migration.input;
  for (let tries = 0; tries < 20 && !migration.seen.committed; tries++) {
    const figures = await instance?.transfer();
    if (figures === undefined) return;
    // Without the event (the agent may have been away) QEMU's answer has to do.
    migration.seen.sourceStatus = figures.status;
    const runState = await instance?.runState();
    if (figures.status === 'completed' && runState === 'postmigrate') migration.seen.committed = true;
    migration.seen.guestRunsOnSource = runState === 'running' || runState === 'shutdown';
    if (figures.status === 'cancelled' || figures.status === 'failed') return;
    await clock.sleep(50);
  }
}

async function retireSource(migration: SourceMigration): Promise<void> {
  const { instance } = migration.input;
  try {
    const figures = await instance?.transfer();
    if (figures !== undefined) migration.notes.transferEnded(figures);
  } catch (error) {
    migration.ports.log.debug('No totals of the transfer', { error });
  }
  migration.closing = readForClosing(migration.input.intent.value, migration.ports.store);
  migration.closing.catch(() => undefined);
  await migration.traffic.guestMoved();
  await instance?.kill();
}

async function discardDestination(migration: SourceMigration): Promise<void> {
  const { migrationId, vm } = migration.input.intent.value;
  try {
    const status = await migration.peer().call('discard-destination', { migrationId, vm }, 1500);
    migration.seen.destination = status.copy;
    migration.seen.destinationMayHaveRun = status.mayHaveRun;
    migration.state.destinationDiscarded = status.copy !== 'running';
  } catch (error) {
    migration.ports.log.warn('The copy on the destination could not be discarded; its agent removes it', { error });
    // With a live source that never completed, GO was never sent, so that copy cannot run. Without one, only the destination knows.
    migration.state.destinationDiscarded = migration.seen.sourceAlive;
    if (!migration.seen.sourceAlive) migration.seen.destination = 'unknown';
  }
}

async function close(migration: SourceMigration, settlement: SettlementKind): Promise<void> {
  const { input, notes, state, ports } = migration;
  if (settlement === 'handed-over') state.aborting = null;
  if (settlement === 'stayed') await noteTotals(migration);
  const phase = settlement === 'handed-over' ? 'commitment-and-activation' : state.phase;
  const written = writeReceipt(notes.measured(phase, state.aborting));
  const receipt = migration.traffic.begun ? pendingReceipt(written) : written;
  // Read ahead once only: whoever comes again comes because something has changed, or because that reading failed.
  const ahead = migration.closing;
  migration.closing = null;
  const found = await (ahead ?? readForClosing(input.intent.value, ports.store));
  const result = await closeMigration(input.intent, { settlement, receipt, found }, ports);
  if (result === 'again') {
    await ports.clock.sleep(50);
    return;
  }
  migration.ended = true;
  // Also where somebody else has closed it: what was made here for the traffic must go.
  if (migration.traffic.begun) void finishReceipt(receipt, () => migration.traffic.report(), ports);
  ports.log.info('Migration ended', { migration: receipt.id, vm: receipt.vm, outcome: receipt.outcome, result });
}

/** After a cancel QEMU no longer knows what it had sent; then the last figure that was seen stands. */
async function noteTotals(migration: SourceMigration): Promise<void> {
  if (!migration.seen.transferStarted) return;
  try {
    const figures = await migration.input.instance?.transfer();
    if (figures !== undefined && figures.transferredBytes > 0)
      migration.notes.transferredBytes = figures.transferredBytes;
  } catch (error) {
    migration.ports.log.debug('No totals of the transfer', { error });
  }
}

/** The destination's copy ended and never ran: the source, complete and paused, goes on under a new epoch. */
async function continueSource(migration: SourceMigration): Promise<void> {
  const { state, input } = migration;
  state.aborting ??= { outcome: 'failed', reason: 'the copy on the destination ended before it ran' };
  await close(migration, 'continues-anew');
  if (!migration.ended) return;
  await authorityOf(migration);
  await input.instance?.resume();
  await migration.traffic.guestStayed();
  await input.instance?.announce();
}

/** Resolves when this node may run the VM. One that is fenced meanwhile ends it, and then there is nothing to resume. */
async function authorityOf({ input, ports }: SourceMigration): Promise<void> {
  const { authority, suspended, clock } = ports;
  const { vm } = input.intent.value;
  while (input.guarded && (!authority.holds() || suspended.isSuspended(vm))) await clock.sleep(50);
}

async function closeAsLost(migration: SourceMigration): Promise<void> {
  const { state, input } = migration;
  state.aborting ??= {
    outcome: 'failed',
    reason: 'the copy on the destination ended after it may have run; the memory on the source is older than the disk',
  };
  await input.instance?.kill();
  await close(migration, 'restart');
}

function refused(migration: SourceMigration, what: string): GodwitError {
  return new GodwitError({
    code: 'MIGRATION_FAILED',
    message: `${migration.input.intent.value.vm} cannot be migrated: ${what}.`,
    state: 'The guest runs on the source.',
    nextStep: 'Remove the reason and try again.',
  });
}
