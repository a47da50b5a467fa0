import type { TransferCompression } from '../model/intent.ts';
import type { InstanceId, MigrationId, VmName } from '../model/names.ts';
import type { Accelerator, VmActivity, VmDefinition } from '../model/vm.ts';

/** What this node's QEMU can do, probed once at agent start without a VM. */
export interface HypervisorFacts {
  /** "7.2.22" */
  readonly version: string;
  readonly accelerator: Accelerator;
  /** Why this accelerator, e.g. "KVM is not proven: /dev/kvm exists, but the CPU shows neither vmx nor svm". */
  readonly acceleratorReason: string;
  readonly machineTypes: readonly string[];
  readonly cpuModels: readonly string[];
}

/** QEMU's run states, as far as anybody here tells them apart. */
export type RunState =
  | 'running'
  | 'paused'
  | 'prelaunch'
  | 'inmigrate'
  | 'finish-migrate'
  | 'postmigrate'
  | 'shutdown'
  | 'io-error'
  | 'other';

/** QEMU's migration status, on either side. */
export type MigrationStatus =
  | 'none'
  | 'setup'
  | 'active'
  | 'pre-switchover'
  | 'device'
  | 'completed'
  | 'failed'
  | 'cancelling'
  | 'cancelled';

/** `atMs` is the wall clock in QEMU's event, in milliseconds with fractions. */
export type InstanceEvent =
  | { readonly kind: 'stopped'; readonly atMs: number }
  | { readonly kind: 'resumed'; readonly atMs: number }
  | { readonly kind: 'migration-status'; readonly status: MigrationStatus; readonly atMs: number }
  | { readonly kind: 'migration-round'; readonly round: number; readonly atMs: number }
  | { readonly kind: 'shutdown'; readonly byGuest: boolean; readonly atMs: number }
  | { readonly kind: 'gone'; readonly lastWords: string; readonly atMs: number };

/** From `query-migrate`, converted: bytes, bytes per second, milliseconds. */
export interface TransferSnapshot {
  readonly status: MigrationStatus;
  readonly errorText: string | null;
  readonly totalMs: number;
  readonly setupMs: number;
  /** QEMU's own figure once completed; leaves out `cont`. */
  readonly qemuDowntimeMs: number | null;
  readonly transferredBytes: number;
  readonly remainingBytes: number;
  readonly totalBytes: number;
  /** Rounds begun. */
  readonly round: number;
  /** 0 until a round lasted >= 1 s. */
  readonly dirtyBytesPerSecond: number;
  readonly bandwidthBytesPerSecond: number;
  readonly throttlePercent: number;
  /** Pages that were not sent because they were zero, in bytes. */
  readonly zeroBytes: number;
  /** Differences sent instead of whole pages; null without xbzrle. */
  readonly xbzrle: { readonly sentBytes: number; readonly pages: number } | null;
  /** Reasons why QEMU refuses to migrate this VM at all. */
  readonly blockedReasons: readonly string[];
}

export interface TransferParameters {
  /** null: no limit. */
  readonly bandwidthBytesPerSecond?: number | null;
  /** QEMU's `downtime-limit`, in milliseconds. */
  readonly downtimeLimitMs?: number;
  /** Auto-converge ceiling; 0 keeps it neutral. 0 to 99. */
  readonly throttlePercentMax?: number;
  /** Memory for the old contents of pages, in bytes; only with `xbzrle`. 0: so little that it has no effect. */
  readonly xbzrleCacheBytes?: number;
}

export interface IncomingOptions {
  /** Address of this node to listen on. */
  readonly listenAddress: string;
  /** Name of the source node as in its certificate (CN); null for an unencrypted transfer. */
  readonly tlsPeer: string | null;
  /** `none` if left out. */
  readonly compression?: TransferCompression;
}

/** From a sample of the guest's pages; see {@link VmActivity}. */
export type MemorySample = Pick<VmActivity, 'usedBytes' | 'compressedRatio'>;

export interface OutgoingOptions extends TransferParameters {
  readonly address: string;
  readonly port: number;
  /** Name of the destination node as in its certificate; null for an unencrypted transfer. */
  readonly tlsPeer: string | null;
  /** `none` if left out. */
  readonly compression?: TransferCompression;
}

export interface MemorySave {
  /**
   * The bytes of the file, once QEMU has let go of the disks and the file is safe on disk. Rejects with what it was aborted with, with
   * NOT_ENOUGH_DISK_SPACE, DISK_FAILED or HYPERVISOR_FAILED; the file goes then, and the guest, which stands still, can go on.
   */
  readonly bytes: Promise<number>;
  abort(reason: Error): void;
}

/** One QEMU process. It outlives the agent. Every call has a deadline and throws HYPERVISOR_FAILED when QEMU does not answer. */
export interface Instance {
  readonly id: InstanceId;
  readonly vm: VmName;
  /** Hash of the definition it was started from. */
  readonly definitionHash: string;
  /** Set if it was started to receive this migration. */
  readonly incomingMigration: MigrationId | null;
  readonly pid: number;
  /** False once the process is gone. */
  readonly alive: boolean;
  /**
   * Whether this process is known never to have executed the guest: it was started to receive and no `cont` was
   * ever sent to it. Kept in a file beside the process, written before `cont`, so that it survives the agent.
   */
  readonly mayHaveRun: boolean;
  /** Returns a function that ends the subscription. Events come in QEMU's order, synchronously from the socket handler. */
  subscribe(listener: (event: InstanceEvent) => void): () => void;
  runState(): Promise<RunState>;
  /** Notes durably that it may have run. Called ahead of `resume`, outside the blackout where possible. Idempotent. */
  noteMayRun(): void;
  /** `cont`. Resolves with the wall time of QEMU's RESUME event. Tries 3 times, 20 ms apart, on image lock errors only. */
  resume(): Promise<number>;
  /** `stop`: returns when no vCPU runs and no request to a disk is under way any more. Without effect on a guest that stands still. */
  pause(): Promise<void>;
  /** ACPI power button. */
  powerDown(): Promise<void>;
  /** `system_reset`: returns at once; the guest boots anew in the same QEMU. */
  reset(): Promise<void>;
  /** SIGKILL, then waits until the process is gone and its taps and files are removed. Idempotent. */
  kill(): Promise<void>;
  /** QMP `quit`; SIGKILL after 2 s. Waits as `kill`. */
  quit(): Promise<void>;
  /** Destination: creates the listening socket; resolves with its port. */
  listenForMigration(options: IncomingOptions): Promise<number>;
  /** Source: resolves when QEMU has accepted `migrate`. */
  startTransfer(options: OutgoingOptions): Promise<void>;
  setTransferParameters(parameters: TransferParameters): Promise<void>;
  /** `migrate_cancel`; `yank` out of band if QEMU does not react within 500 ms. Resolves once QEMU took the command. */
  cancelTransfer(): Promise<void>;
  transfer(): Promise<TransferSnapshot>;
  /** Reads some pages of the guest's memory; takes some milliseconds. */
  sampleMemory(): Promise<MemorySample>;
  /** Distinct memory the guest rewrites, in bytes per second, measured for one second. Null during a migration: it is never run then. */
  sampleDirtyRate(): Promise<number | null>;
  /**
   * Lets QEMU do, once per process and ahead of any migration, what would hold up the guest's I/O at the start of the first one; it
   * holds it up now instead. Only under TCG, and only while the guest runs; does nothing during a migration, which in turn waits
   * for it. Never rejects.
   */
  prepareDirtyTracking(): Promise<void>;
  /** Announces the guest's MAC addresses from this node again (after a rollback). */
  announce(): Promise<void>;
  /**
   * Stops the guest and writes its memory and devices to a new file, until it is aborted. `resume` afterwards makes the file worthless.
   */
  saveMemory(path: string): MemorySave;
}

export interface StartOptions {
  /** Locks on the VM's images are those of a copy that is fenced. */
  readonly ignoreImageLocks?: boolean;
  readonly definition: VmDefinition;
  readonly definitionHash: string;
  /** Null for a cold start. Either way QEMU starts paused (`-S`). */
  readonly incomingMigration: MigrationId | null;
  /** Whether the guard stops it when the node's authority ends: decides about the control group that QEMU is started in. */
  readonly highlyAvailable: boolean;
  /** What it loads before `start` resolves, in the state `paused`; absent: it boots. */
  readonly savedMemory?: MemoryToLoad;
}

export interface MemoryToLoad {
  /** Of the file. */
  readonly path: string;
  /** Resolves with the reason when nobody wants it any more; `start` then throws it. */
  readonly givenUp: Promise<Error>;
}

export interface Hypervisor {
  probe(): Promise<HypervisorFacts>;
  /**
   * Finds the QEMU processes this agent's predecessors started, and reconnects to them. Changes nothing about them, but for
   * ending a `prepareDirtyTracking` that was cut off.
   */
  adopt(): Promise<readonly Instance[]>;
  /** Starts QEMU, paused; resolves when QMP answers. On failure nothing is left behind and the error has QEMU's last words. */
  start(options: StartOptions): Promise<Instance>;
}
