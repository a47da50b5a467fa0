import type { VmAvailability, VmRestarts } from './availability.ts';
import type { InstanceId, NodeName, VmName } from './names.ts';

/** Accelerator of a VM. Fixed at creation: a VM never moves between the two. */
export type Accelerator = 'kvm' | 'tcg';

export interface VmDisk {
  /** "disk0", "disk1" …; also the block node's name in QEMU. */
  readonly id: string;
  /** Absolute path, the same on every possible owner (a volume). */
  readonly path: string;
  readonly format: 'qcow2' | 'raw';
  /** Virtual size in bytes, > 0. */
  readonly sizeBytes: number;
}

/** A CD drive with a medium. */
export interface VmCdrom {
  /** "cd0": its medium can be changed. "seed": what cloud-init reads; made for this VM. */
  readonly id: 'cd0' | 'seed';
  /** Absolute path of an ISO file, the same on every possible owner. */
  readonly path: string;
}

export interface VmNic {
  /** "nic0", "nic1" … */
  readonly id: string;
  /** Lower case, colon separated, locally administered (52:54:00:…). */
  readonly macAddress: string;
  /** Name of the virtual switch it is plugged into. */
  readonly switchName: string;
  /** IPv4 address with prefix length ("10.78.0.101/24") handed to the guest, or null if the guest finds its own. */
  readonly address: string | null;
}

export type VmBoot =
  | { readonly kind: 'kernel'; readonly kernel: string; readonly initrd: string; readonly commandLine: string }
  | { readonly kind: 'disk' };

/**
 * All that the guest can see of its machine. QEMU does not compare the two ends of a
 * migration, so source and destination are started from the same definition and compare its hash.
 */
export interface VmDefinition {
  readonly name: VmName;
  readonly uuid: string;
  /** > 0, a multiple of 1 MiB. */
  readonly memoryBytes: number;
  /** 1 to 64. */
  readonly cpus: number;
  /** Versioned, e.g. "pc-q35-7.2": an alias such as "q35" moves with QEMU's version. */
  readonly machineType: string;
  /** Versioned model without properties, e.g. "Nehalem-v1"; started with `enforce`. */
  readonly cpuModel: string;
  readonly accelerator: Accelerator;
  /**
   * Whether the guest says during a migration which of its memory is free. Absent in definitions that were stored before there
   * was a choice: then it does not.
   */
  readonly freePageHinting: boolean;
  /** Absent: without a screen, as all VMs once were. `vga`: a standard VGA card, keyboard and an absolute pointer. */
  readonly graphics?: 'vga';
  readonly boot: VmBoot;
  readonly disks: readonly VmDisk[];
  readonly nics: readonly VmNic[];
  /** Absent: no CD drive. Never empty, so that a definition without one is written in one way only, and hashed so. */
  readonly cdroms?: readonly VmCdrom[];
}

/** What the user asked for, kept until it is deleted. Key `vms/<name>/record`. */
export interface VmRecord {
  /** What its QEMU was, or will be, started from by a failover, a restart or a migration. */
  readonly definition: VmDefinition;
  /**
   * What a start from off puts in the place of `definition`; absent: nothing is to change. A failover does not: it must not fail because
   * hardware that nobody uses yet does not fit.
   */
  readonly pendingDefinition?: VmDefinition;
  readonly desired: 'running' | 'off';
  readonly highlyAvailable: boolean;
  /** Whether it starts when its node starts. */
  readonly automaticStart: boolean;
  /** Absent in records that were stored before there was a choice: see DEFAULT_AVAILABILITY. */
  readonly availability?: VmAvailability;
  /** Longest blackout the user allows, in milliseconds, > 0. */
  readonly budgetMs: number;
  /** To which a migration may widen the budget if the guest does not converge otherwise, in milliseconds, >= `budgetMs`. Absent: never. */
  readonly budgetMaxMs?: number;
  readonly createdAt: string;
  /** The newest request to change the power state; the owner answers it in the status. */
  readonly request: VmRequest | null;
  /**
   * The guest's memory, saved; absent: it has none. It is as old as the disks as long as it is here: a start goes on from it, and takes it
   * out of the record in the transaction that lets the guest run.
   */
  readonly saved?: SavedMemory;
}

/** What a guest had in its memory and devices, in a file. */
export interface SavedMemory {
  /** Absolute path, the same on every possible owner (a volume). */
  readonly path: string;
  /** Of the file. */
  readonly sizeBytes: number;
  /** Hash of the definition it was saved under: it is of no use to another machine. */
  readonly definitionHash: string;
  /** ISO time. */
  readonly savedAt: string;
}

export const VM_ACTIONS = ['start', 'shutdown', 'turn-off', 'delete', 'pause', 'resume', 'reset', 'save'] as const;
export type VmAction = (typeof VM_ACTIONS)[number];

export interface VmRequest {
  readonly id: string;
  readonly action: VmAction;
  /** Only for `delete`: whether the user asked to delete the disks too. */
  readonly deleteDisks?: boolean;
  readonly at: string;
}

export const VM_STATES = ['off', 'starting', 'running', 'paused', 'migrating', 'saved', 'failed'] as const;
/** As shown to the user. `migrating` is derived from the open migration intent, not stored. */
export type VmState = (typeof VM_STATES)[number];

/** What the owner saw last. Key `vms/<name>/status`. */
export interface VmStatus {
  readonly state: Exclude<VmState, 'migrating'>;
  readonly node: NodeName;
  /** The QEMU process, null while there is none. */
  readonly instance: InstanceId | null;
  /** ISO time of the last change of state. */
  readonly since: string;
  /** Why it is in this state, in plain words. */
  readonly reason: string;
  /** The newest request that is done with, successful or not. */
  readonly settledRequest: string | null;
  /** Boot of the node at which this was written: after another one none of the VM's processes is left there. Absent in old records. */
  readonly bootId?: string;
  /**
   * Whether its process is among those that the guard stops. It lags behind the record while a running VM becomes highly available: until
   * then silence of its node proves nothing about it. Absent: as the record says.
   */
  readonly guarded?: boolean;
  /** Absent: none lately. */
  readonly restarts?: VmRestarts;
  /** Set when the settled request failed. */
  readonly error: { readonly code: string; readonly message: string; readonly nextStep: string } | null;
}

/**
 * What a running guest does with its memory, as its owner last sampled it. Key `vms/<name>/activity`. Forecasts are made
 * from it; nothing that matters for safety reads it.
 */
export interface VmActivity {
  /** Memory whose pages are not all zero, in bytes, estimated from a sample of pages. */
  readonly usedBytes: number;
  /** Sampled pages that are not zero: size after compression (zstd, level 1) over size before; above 0, at most 1. */
  readonly compressedRatio: number;
  /** Distinct memory rewritten within one second, in bytes per second; null while it has not been measured. */
  readonly dirtyBytesPerSecond: number | null;
  readonly sampledAt: string;
}

/** Key `vms/<name>/owner`. Its revision is the VM's epoch: it changes with every change of owner or right to run. */
export interface VmOwner {
  readonly node: NodeName;
  /**
   * It was taken over from a fenced node. That node's QEMU can do nothing any more, but where it merely stands still (or its
   * client's lease has not expired) the image may still be locked: the lock is no obstacle then.
   */
  readonly takenOver?: true;
}
