import { randomBytes } from 'node:crypto';
import { closeSync, constants, existsSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import type { InstanceId } from '../../model/names.ts';
import type { VmDefinition } from '../../model/vm.ts';
import type { Clock } from '../../ports/clock.ts';
import type { VmSlices } from '../../ports/guard.ts';
import type { Hypervisor, HypervisorFacts, Instance, StartOptions } from '../../ports/hypervisor.ts';
import type { Log } from '../../ports/log.ts';
import type { VmNetwork } from '../../ports/network.ts';
import { type ProcessIdentity, processIdentity, spawnDetached } from '../processes/detached-process.ts';
import {
  createInstanceDirectory,
  findProcessId,
  type InstanceNotes,
  type InstancePaths,
  instancePaths,
  listInstanceIds,
  mayHaveRunNoted,
  readNotes,
  removeInstanceDirectory,
  writeNotes,
} from './instance-notes.ts';
import { provideDhParameters } from './dh-parameters.ts';
import { MAX_DISKS, MAX_NICS, qemuArguments } from './qemu-command-line.ts';
import { QemuInstance } from './qemu-instance.ts';
import { probeQemu } from './qemu-probe.ts';
import {
  hasEnded,
  killForGood,
  lastWordsOf,
  placedCommand,
  qemuCommand,
  qemuEnvironment,
  type QemuUser,
} from './qemu-process.ts';
import { beginSerialLog, serialLogPath } from './serial-log.ts';

export interface QemuHypervisorOptions {
  readonly binary: string;
  /** Unprivileged user that QEMU runs as; null: as the agent's own. */
  readonly user: QemuUser | null;
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
  readonly runtimeDirectory: string;
  readonly logDirectory: string;
  /** Certificates for migration, named as QEMU wants them; readable by `user`. */
  readonly qemuPkiDirectory: string;
  /** Changes with every boot of the machine. */
  readonly bootId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly network: VmNetwork;
  /** The control groups that QEMU is started in; null: it runs in the agent's own. */
  readonly slices: VmSlices | null;
}

const START_TIMEOUT_MS = 15_000;
const KEPT_LOGS_PER_VM = 5;
/** No process has this identity: of one that ended in an earlier boot of the machine. */
const ENDED: ProcessIdentity = { pid: 0, startTime: 'ended' };

export function createQemuHypervisor(options: QemuHypervisorOptions): QemuHypervisor {
  return new QemuHypervisor(options);
}

/** The QEMU processes of one node. */
export class QemuHypervisor implements Hypervisor {
  readonly #options: QemuHypervisorOptions;
  readonly #instances = new Set<QemuInstance>();

  constructor(options: QemuHypervisorOptions) {
    this.#options = options;
  }

  async probe(): Promise<HypervisorFacts> {
    const { accelerator, binary, clock, qemuPkiDirectory, runtimeDirectory, user } = this.#options;
    provideDhParameters(qemuPkiDirectory);
    return probeQemu({ launch: { binary, user }, accelerator, clock, runtimeDirectory });
  }

  /**
   * Also returns, as not alive, a dead copy that came by migration and may have run: that is proof that the source
   * must not continue. It is forgotten by `kill`.
   */
  async adopt(): Promise<readonly Instance[]> {
    const ids = listInstanceIds(this.#options.runtimeDirectory);
    const found = await Promise.all(ids.map((id) => this.#adoptOne(id)));
    return found.filter((instance) => instance !== null);
  }

  async start(options: StartOptions): Promise<Instance> {
    const { highlyAvailable, ignoreImageLocks = false, savedMemory, ...start } = options;
    const { bootId, logDirectory, runtimeDirectory, user } = this.#options;
    refuseTooManyDevices(start.definition);
    const id = randomBytes(6).toString('hex');
    const paths = instancePaths(runtimeDirectory, id);
    createInstanceDirectory(paths, user);
    mkdirSync(logDirectory, { recursive: true, mode: 0o711 });
    removeOldLogs(logDirectory, start.definition.name);
    const logFile = join(logDirectory, `${logPrefix(start.definition.name)}${Date.now()}-${id}.log`);
    const notes: InstanceNotes = { id, ...start, bootId, logFile, process: null };
    let process: ProcessIdentity | null = null;
    try {
      writeNotes(paths, notes);
      const incoming = notes.incomingMigration !== null || savedMemory !== undefined;
      process = await this.#spawn(notes, paths, { highlyAvailable, incoming, lockImages: !ignoreImageLocks });
      writeNotes(paths, { ...notes, process });
      const instance = this.#instance({ ...notes, process }, process);
      await this.#waitForMonitor(instance, process, paths);
      if (savedMemory !== undefined) await instance.loadMemory(savedMemory);
      return instance;
    } catch (error) {
      await this.#undoStart(notes, paths, process);
      throw startError(start.definition.name, error, logFile);
    }
  }

  /** Lets go of all processes, which go on: the agent ends. */
  release(): void {
    for (const instance of this.#instances) instance.release();
    this.#instances.clear();
  }

  async #spawn(
    notes: InstanceNotes,
    paths: InstancePaths,
    { highlyAvailable, incoming, lockImages }: Record<'highlyAvailable' | 'incoming' | 'lockImages', boolean>,
  ): Promise<ProcessIdentity> {
    const { binary, logDirectory, network, slices, user } = this.#options;
    const { definition } = notes;
    const taps = definition.nics.length === 0 ? [] : await network.plug(notes.id, definition.nics);
    const serialLog = serialLogPath(logDirectory, definition.name);
    beginSerialLog(serialLog, user);
    const args = qemuArguments(definition, {
      qmpSocket: paths.qmpSocket,
      serialSocket: paths.serialSocket,
      vncSocket: paths.vncSocket,
      serialLog,
      taps,
      directDisks: directDisks(definition),
      incoming,
      lockImages,
    });
    const group = slices?.groupOf(definition.name, highlyAvailable) ?? null;
    const command = placedCommand(qemuCommand({ binary, user }, definition.accelerator, args), group);
    return spawnDetached({ ...command, logFile: notes.logFile, cwd: '/', env: qemuEnvironment() });
  }

  async #waitForMonitor(instance: QemuInstance, process: ProcessIdentity, paths: InstancePaths): Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.monotonicMs() + START_TIMEOUT_MS;
    while (clock.monotonicMs() < deadline) {
      if (hasEnded(process)) throw new Error('it ended at once');
      if (existsSync(paths.qmpSocket)) {
        try {
          await instance.connect();
          return;
        } catch {
          // It is not listening yet, or it is about to end.
        }
      }
      await clock.sleep(5);
    }
    throw new Error(`its monitor did not answer within ${START_TIMEOUT_MS} ms`);
  }

  async #undoStart(notes: InstanceNotes, paths: InstancePaths, process: ProcessIdentity | null): Promise<void> {
    const { clock, log, network } = this.#options;
    try {
      if (process !== null && !(await killForGood(process, { timeoutMs: 5000, sleep: (ms) => clock.sleep(ms) }))) {
        // With its notes in place the next agent finds it.
        throw new Error(`process ${process.pid} does not end`);
      }
      for (const instance of this.#instances) {
        if (instance.id === notes.id) instance.release();
      }
      if (notes.definition.nics.length > 0) await network.unplug(notes.id, notes.definition.nics);
      this.#options.slices?.remove(notes.definition.name);
      removeInstanceDirectory(paths);
    } catch (error) {
      log.error('Not everything of a failed start was removed', { vm: notes.definition.name, error: String(error) });
    }
  }

  async #adoptOne(id: InstanceId): Promise<QemuInstance | null> {
    const { bootId, log, network, runtimeDirectory } = this.#options;
    const paths = instancePaths(runtimeDirectory, id);
    const notes = readNotes(paths);
    if (notes === undefined) {
      removeInstanceDirectory(paths);
      return null;
    }
    const process = notes.bootId === bootId ? (notes.process ?? foundProcess(paths)) : null;
    const alive = process !== null && !hasEnded(process);
    const proof = notes.incomingMigration !== null && mayHaveRunNoted(paths);
    if (!alive && !proof) {
      log.info('Removed what a dead QEMU left behind', { vm: notes.definition.name, instance: id });
      if (notes.definition.nics.length > 0) await network.unplug(id, notes.definition.nics);
      this.#options.slices?.remove(notes.definition.name);
      removeInstanceDirectory(paths);
      return null;
    }
    if (alive && notes.process === null) writeNotes(paths, { ...notes, process });
    const instance = this.#instance(notes, process ?? ENDED);
    instance.checkEnd();
    if (!instance.alive) return instance;
    await instance.connect().catch((error: unknown) => {
      log.warn('A running QEMU does not answer', { vm: instance.vm, pid: instance.pid, error: String(error) });
    });
    await instance.settleDirtyTracking().catch((error: unknown) => {
      log.warn('A rehearsal was not ended', { vm: instance.vm, pid: instance.pid, error: String(error) });
    });
    return instance;
  }

  #instance(notes: InstanceNotes, process: ProcessIdentity): QemuInstance {
    const { clock, log, network, qemuPkiDirectory, runtimeDirectory } = this.#options;
    const paths = instancePaths(runtimeDirectory, notes.id);
    const { nics } = notes.definition;
    const instance: QemuInstance = new QemuInstance({
      notes,
      process,
      paths,
      clock,
      log,
      pkiDirectory: qemuPkiDirectory,
      releaseTaps: async () => {
        this.#instances.delete(instance);
        this.#options.slices?.remove(notes.definition.name);
        if (nics.length > 0) await network.unplug(notes.id, nics);
      },
      forget: () => removeInstanceDirectory(paths),
    });
    this.#instances.add(instance);
    return instance;
  }
}

function refuseTooManyDevices({ disks, name, nics }: VmDefinition): void {
  if (disks.length <= MAX_DISKS && nics.length <= MAX_NICS) return;
  throw new GodwitError({
    code: 'INVALID_INPUT',
    message: `VM ${name} has ${disks.length} disks and ${nics.length} NICs; there is room for ${MAX_DISKS} and ${MAX_NICS}.`,
    state: NOTHING_CHANGED,
    nextStep: 'Remove disks or NICs from the VM.',
  });
}

function foundProcess(paths: InstancePaths): ProcessIdentity | null {
  const pid = findProcessId(paths);
  return pid === undefined ? null : (processIdentity(pid) ?? null);
}

/** Disks that can be opened past the node's page cache; tmpfs, for one, may refuse it. */
function directDisks({ disks }: VmDefinition): ReadonlySet<string> {
  return new Set(disks.filter(({ path }) => takesDirect(path)).map(({ id }) => id));
}

function takesDirect(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_DIRECT));
    return true;
  } catch (error) {
    // Only this error is about O_DIRECT; whatever else is wrong QEMU will say better.
    return (error as NodeJS.ErrnoException).code !== 'EINVAL';
  }
}

function logPrefix(vm: string): string {
  return `qemu-${vm}-`;
}

function removeOldLogs(logDirectory: string, vm: string): void {
  const pattern = new RegExp(`^${logPrefix(vm)}\\d+-[0-9a-f]{12}\\.log$`);
  const logs = readdirSync(logDirectory).filter((name) => pattern.test(name));
  for (const name of logs.sort().slice(0, -(KEPT_LOGS_PER_VM - 1))) rmSync(join(logDirectory, name), { force: true });
}

function startError(vm: string, error: unknown, logFile: string): GodwitError {
  if (error instanceof GodwitError && error.code !== 'HYPERVISOR_FAILED') return error;
  const words = lastWordsOf(logFile);
  const reason = error instanceof Error ? error.message : String(error);
  return new GodwitError(
    {
      code: 'HYPERVISOR_FAILED',
      message: `QEMU of VM ${vm} could not be started: ${words === '' ? reason : words}`,
      state: 'Nothing of it was left behind.',
      nextStep: 'Remove the cause that QEMU names, then try again.',
      details: { log: logFile },
    },
    error,
  );
}
