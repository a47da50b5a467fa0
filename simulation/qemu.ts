import type { MigrationId, VmName } from '../src/model/names.ts';
import type { SourceStatus } from '../src/migration/migration.ts';
import type { Machine } from './machine.ts';

export type GuestState = 'prelaunch' | 'inmigrate' | 'running' | 'paused' | 'postmigrate';

/** One QEMU process: a VM's copy on one machine. */
export class Qemu {
  readonly vm: VmName;
  readonly machine: Machine;
  readonly id: string;
  readonly highlyAvailable: boolean;
  readonly incoming: MigrationId | null;
  /** The agent that has started it. */
  readonly starter: string;
  alive = true;
  /** It answers on QMP. */
  ready = false;
  state: GuestState;
  mayHaveRun = false;
  /** Killed; gone when the kernel has finished its writes. */
  dying = false;
  /** Its own control group is frozen. */
  heldFrozen = false;
  /** A write of the guest is in the kernel until then; nothing ends or freezes the thread before. */
  ioUntil = 0;
  /** Which version of the disk its memory belongs to; null: it has not read the disk yet. */
  memoryOf: number | null = null;
  /** Everything of a migration has arrived. */
  loaded = false;
  /** `of`: which migration it is about; the timers of an earlier one find another here. */
  migration: { status: SourceStatus; of: string | null } = { status: 'none', of: null };

  constructor(
    machine: Machine,
    options: { vm: VmName; id: string; highlyAvailable: boolean; incoming: MigrationId | null; starter: string },
  ) {
    this.machine = machine;
    this.vm = options.vm;
    this.id = options.id;
    this.highlyAvailable = options.highlyAvailable;
    this.incoming = options.incoming;
    this.starter = options.starter;
    this.state = options.incoming === null ? 'prelaunch' : 'inmigrate';
  }

  get frozen(): boolean {
    return this.heldFrozen || (this.highlyAvailable && this.machine.groupFrozen);
  }

  /** Its processors may execute the guest. A machine that stands still as a whole goes on at any moment, so it counts. */
  get executing(): boolean {
    return this.alive && !this.dying && this.state === 'running' && !this.frozen;
  }

  /** Neither executing nor with a write under way. */
  quiet(now: number): boolean {
    return !this.executing && this.ioUntil <= now;
  }
}
