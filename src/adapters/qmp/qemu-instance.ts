import type { MigrationId } from '../../model/names.ts';
import type {
  IncomingOptions,
  Instance,
  InstanceEvent,
  MemorySample,
  MemorySave,
  MemoryToLoad,
  MigrationStatus,
  OutgoingOptions,
  RunState,
  TransferParameters,
  TransferSnapshot,
} from '../../ports/hypervisor.ts';
import { continueGuest } from './continue-guest.ts';
import { measureDirtyRate } from './dirty-rate.ts';
import { DirtyTracking } from './dirty-tracking.ts';
import { greetedClient } from './greeted-client.ts';
import { sampleGuestMemory } from './guest-memory.ts';
import { mayHaveRunNoted, noteMayHaveRun } from './instance-notes.ts';
import { type InstanceParts, instanceFailure } from './instance-parts.ts';
import { type Ask, beginTransfer, endTransfer, openForMigration, UNDER_WAY } from './migration-channel.ts';
import { guestMemoryBytes } from './qemu-command-line.ts';
import { hasEnded, killForGood, lastWordsOf } from './qemu-process.ts';
import { type CommandOptions, type QmpClient, QmpError, type QmpEvent } from './qmp-client.ts';
import { instanceEventOf, runStateOf } from './qmp-events.ts';
import { beginSave, loadMemory, type MemoryChannel } from './saved-memory.ts';
import { qemuParameters, transferSnapshotOf, withoutTransfer } from './transfer-figures.ts';
import { TransferTurn } from './transfer-turn.ts';

const WATCH_PERIOD_MS = 100;
const RECONNECT_PERIOD_MS = 1000;
const KILL_TIMEOUT_MS = 10_000;
const QUIT_TIMEOUT_MS = 2000;

/** One QEMU process and the connection to its monitor, which is made again whenever it breaks while the process lives. */
export class QemuInstance implements Instance {
  readonly #parts: InstanceParts;
  readonly #dirtyTracking: DirtyTracking;
  readonly #listeners = new Set<(event: InstanceEvent) => void>();
  #client: QmpClient | null = null;
  #connecting: Promise<QmpClient> | null = null;
  #connectAgainAtMs = 0;
  #stopWatching: () => void;
  #gone: InstanceEvent | null = null;
  #cleanedUp: Promise<void> | null = null;
  #forgotten = false;
  #released = false;
  #mayHaveRun: boolean;
  #migrationStatus: MigrationStatus = 'none';
  /** Counts the statuses QEMU told by itself, so that an older answer does not overwrite a newer one. */
  #migrationStatusEvents = 0;
  #resumedAtMs: number | null = null;
  readonly #transferTurn = new TransferTurn();
  #dirtyRate: Promise<number | null> | null = null;

  constructor(parts: InstanceParts) {
    this.#parts = parts;
    this.#mayHaveRun = mayHaveRunNoted(parts.paths);
    this.#dirtyTracking = new DirtyTracking({
      ...{ clock: parts.clock, log: parts.log, paths: parts.paths, definition: parts.notes.definition },
      ...{ ask: this.#ask, migrates: () => this.#migrates() },
    });
    this.#stopWatching = parts.clock.every(WATCH_PERIOD_MS, () => this.#watch());
  }

  get id(): string {
    return this.#parts.notes.id;
  }

  get vm(): string {
    return this.#parts.notes.definition.name;
  }

  get definitionHash(): string {
    return this.#parts.notes.definitionHash;
  }

  get incomingMigration(): MigrationId | null {
    return this.#parts.notes.incomingMigration;
  }

  get pid(): number {
    return this.#parts.process.pid;
  }

  get alive(): boolean {
    return this.#gone === null;
  }

  get mayHaveRun(): boolean {
    return this.#mayHaveRun;
  }

  /** Whoever subscribes after the process ended is told so, in a later turn. */
  subscribe(listener: (event: InstanceEvent) => void): () => void {
    const gone = this.#gone;
    if (gone === null) this.#listeners.add(listener);
    else queueMicrotask(() => listener(gone));
    return () => this.#listeners.delete(listener);
  }

  /** Connects to the monitor and reads where things stand. */
  async connect(): Promise<void> {
    await (this.#connecting ??= this.#openClient().finally(() => {
      this.#connecting = null;
    }));
  }

  async runState(): Promise<RunState> {
    const reply = (await this.#ask('query-status')) as { readonly status?: string };
    return runStateOf(reply.status);
  }

  noteMayRun(): void {
    if (this.#mayHaveRun) return;
    noteMayHaveRun(this.#parts.paths);
    this.#mayHaveRun = true;
  }

  async resume(): Promise<number> {
    this.noteMayRun();
    this.#resumedAtMs = null;
    await continueGuest(this.#ask, this.#parts.clock);
    // QEMU sends RESUME ahead of its answer, unless the guest ran already.
    return this.#resumedAtMs ?? (await this.#runningSince());
  }

  async pause(): Promise<void> {
    await this.#ask('stop');
  }

  async powerDown(): Promise<void> {
    await this.#ask('system_powerdown');
  }

  async reset(): Promise<void> {
    await this.#ask('system_reset');
  }

  async kill(): Promise<void> {
    const { clock, process } = this.#parts;
    if (!(await killForGood(process, { timeoutMs: KILL_TIMEOUT_MS, sleep: (ms) => clock.sleep(ms) }))) {
      throw this.#failure(`was killed but is still there after ${KILL_TIMEOUT_MS} ms`, 'It may still hold its disks.');
    }
    this.#end();
    await this.#cleanedUp;
    this.#forget();
  }

  async quit(): Promise<void> {
    const { clock, process } = this.#parts;
    const deadline = clock.monotonicMs() + QUIT_TIMEOUT_MS;
    // Without an answer it is killed below; it also may end before its answer is read.
    await this.#ask('quit').catch(() => undefined);
    while (!hasEnded(process) && clock.monotonicMs() < deadline) await clock.sleep(5);
    await this.kill();
  }

  async listenForMigration(options: IncomingOptions): Promise<number> {
    await this.#makeWay();
    return openForMigration(this.#ask, this.#parts.pkiDirectory, options);
  }

  startTransfer(options: OutgoingOptions): Promise<void> {
    return this.#asTransfer(() => beginTransfer(this.#ask, this.#parts.pkiDirectory, options));
  }

  async setTransferParameters(parameters: TransferParameters): Promise<void> {
    await this.#ask('migrate-set-parameters', qemuParameters(parameters));
  }

  async cancelTransfer(): Promise<void> {
    await endTransfer(this.#ask, this.#parts.clock, () => this.#migrationStatus);
  }

  async transfer(): Promise<TransferSnapshot> {
    const snapshot = transferSnapshotOf(await this.#ask('query-migrate'));
    return this.#dirtyTracking.hidesTransfer ? withoutTransfer(snapshot) : snapshot;
  }

  async sampleMemory(): Promise<MemorySample> {
    const memoryBytes = guestMemoryBytes(this.#parts.notes.definition);
    return await this.#try("does not show the guest's memory", () => sampleGuestMemory(this.pid, memoryBytes));
  }

  /** Calls that overlap share one measurement: QEMU has room for no more. */
  async sampleDirtyRate(): Promise<number | null> {
    this.#dirtyRate ??= this.#sampleDirtyRate().finally(() => {
      this.#dirtyRate = null;
    });
    return await this.#dirtyRate;
  }

  prepareDirtyTracking(): Promise<void> {
    return this.#dirtyTracking.prepare();
  }

  /** Cancels a rehearsal whose agent died. Throws when QEMU does not get out of it. */
  settleDirtyTracking(): Promise<void> {
    return this.#dirtyTracking.settle();
  }

  saveMemory(path: string): MemorySave {
    return beginSave(this.#memoryChannel, path, (save) => this.#asTransfer(save));
  }

  /** Of a QEMU that was started to be given its memory. */
  loadMemory(memory: MemoryToLoad): Promise<void> {
    return this.#asTransfer(() => loadMemory(this.#memoryChannel, memory));
  }

  async announce(): Promise<void> {
    await this.#ask('announce-self', { initial: 50, max: 550, rounds: 5, step: 100 });
  }

  /** Lets go of the process, which goes on: the agent ends. */
  release(): void {
    this.#released = true;
    this.#stopWatching();
    this.#client?.close();
    this.#client = null;
    this.#listeners.clear();
  }

  /** Looks at once whether the process has ended, instead of at the next tick. */
  checkEnd(): void {
    if (this.#gone === null && hasEnded(this.#parts.process)) this.#end();
  }

  #asTransfer<T>(transfer: () => Promise<T>): Promise<T> {
    return this.#transferTurn.take(() => this.#makeWay().then(transfer));
  }

  get #memoryChannel(): MemoryChannel {
    const { clock, paths } = this.#parts;
    return { ask: this.#ask, clock, status: () => this.#migrationStatus, socketPath: paths.memorySocket };
  }

  #makeWay(): Promise<void> {
    return this.#try('cannot migrate now', () => this.#dirtyTracking.makeWay());
  }

  async #try<T>(otherwise: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw this.#failure(`${otherwise}: ${reason}`, 'QEMU goes on as before.', error);
    }
  }

  async #sampleDirtyRate(): Promise<number | null> {
    if (this.#migrates() || this.#dirtyTracking.underWay) return null;
    // First of all, so that nothing has to be waited for between the check and the command.
    if (this.#client === null) await this.connect();
    const transfers = this.#transferTurn.count;
    return await measureDirtyRate(
      this.#ask,
      this.#parts.clock,
      () => !this.#migrates() && this.#transferTurn.count === transfers,
    );
  }

  /** Whether memory is on its way, about to be sent, or awaited. */
  #migrates(): boolean {
    const awaited = this.incomingMigration !== null && !this.#mayHaveRun;
    return this.#transferTurn.taken || awaited || UNDER_WAY.has(this.#migrationStatus);
  }

  readonly #ask: Ask = (command, args, options) => {
    if (this.#gone !== null)
      return Promise.reject(this.#failure(`has ended; "${command}" is not possible`, 'It does not run.'));
    const asked = this.#client?.execute(command, args, options) ?? this.#askLater(command, args, options);
    return asked.catch((error: unknown) => {
      if (!(error instanceof QmpError)) throw error;
      throw this.#failure(`refused "${command}": ${error.description}`, 'QEMU goes on as before.', error);
    });
  };

  async #askLater(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    options?: CommandOptions,
  ): Promise<unknown> {
    await this.connect();
    if (this.#client === null) throw this.#failure('has ended', 'It does not run.');
    return this.#client.execute(command, args, options);
  }

  async #openClient(): Promise<QmpClient> {
    const listener = { event: (event: QmpEvent) => this.#receive(event), closed: () => this.#lostClient() };
    const client = await greetedClient(this.#parts, listener, () => this.#released);
    const eventsBefore = this.#migrationStatusEvents;
    try {
      const { status } = transferSnapshotOf(await client.execute('query-migrate'));
      const newest = eventsBefore === this.#migrationStatusEvents;
      if (newest && !this.#dirtyTracking.hidesTransfer) this.#catchUp(status);
    } catch (error) {
      client.close();
      throw error;
    }
    if (this.#released || this.#gone !== null || !client.open) {
      client.close();
      throw this.#failure('was let go of while the connection to it was made', 'QEMU goes on as before.');
    }
    this.#client = client;
    return client;
  }

  /** What changed while nobody listened is told now; nobody listens yet when an instance is new here. */
  #catchUp(status: MigrationStatus): void {
    if (status === this.#migrationStatus) return;
    this.#migrationStatus = status;
    this.#emit({ kind: 'migration-status', status, atMs: this.#parts.clock.wallMs() });
  }

  #receive(qmpEvent: QmpEvent): void {
    const event = instanceEventOf(qmpEvent);
    if (event === null) return;
    if (event.kind === 'migration-status') {
      this.#migrationStatus = event.status;
      this.#migrationStatusEvents += 1;
    } else if (event.kind === 'resumed') this.#resumedAtMs = event.atMs;
    this.#emit(event);
  }

  #emit(event: InstanceEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#parts.log.error('A listener to QEMU failed', { vm: this.vm, event: event.kind, error: String(error) });
      }
    }
  }

  #lostClient(): void {
    this.#client = null;
    // Sockets close shortly before the process is gone.
    this.#parts.clock.after(5, () => this.checkEnd());
  }

  #watch(): void {
    this.checkEnd();
    const { clock } = this.#parts;
    if (this.#gone !== null || this.#client !== null || this.#connecting !== null) return;
    if (clock.monotonicMs() < this.#connectAgainAtMs) return;
    this.#connectAgainAtMs = clock.monotonicMs() + RECONNECT_PERIOD_MS;
    this.connect().catch(() => undefined);
  }

  #end(): void {
    if (this.#gone !== null) return;
    this.#stopWatching();
    this.#client?.close();
    this.#client = null;
    const lastWords = lastWordsOf(this.#parts.notes.logFile);
    this.#gone = { kind: 'gone', lastWords, atMs: this.#parts.clock.wallMs() };
    this.#cleanedUp = this.#cleanUp();
    this.#emit(this.#gone);
    this.#listeners.clear();
  }

  /**
   * The notes of a copy that came by migration and may have run stay until `kill` is called: as long as they
   * exist, nobody takes the copy for one that never ran and continues the source from older memory.
   */
  async #cleanUp(): Promise<void> {
    try {
      await this.#parts.releaseTaps();
    } catch (error) {
      this.#parts.log.error('Taps of an ended QEMU were not removed', { vm: this.vm, error: String(error) });
    }
    if (this.incomingMigration === null || !this.#mayHaveRun) this.#forget();
  }

  #forget(): void {
    if (this.#forgotten) return;
    this.#forgotten = true;
    this.#parts.forget();
  }

  async #runningSince(): Promise<number> {
    const state = await this.runState();
    if (this.#resumedAtMs !== null) return this.#resumedAtMs;
    if (state === 'running') return this.#parts.clock.wallMs();
    throw this.#failure(`took "cont" but is in the state "${state}"`, 'The guest does not run.');
  }

  #failure(what: string, state: string, cause?: unknown): Error {
    return instanceFailure(this.#parts, what, { state, cause });
  }
}
