import type { GuardFacts } from '../model/authority.ts';

/** Deadlines are absolute, on CLOCK_MONOTONIC in milliseconds: the same clock for all processes of a machine. */
export interface GuardStatus extends GuardFacts {
  /** Until when the guard lets VMs run; null: it has no deadline (nobody takes this node over without proof). */
  readonly authorityUntilMs: number | null;
  /** Changes with every start of the guard. */
  readonly guardId: string;
}

/**
 * The agent's line to the guard of its node, a process of its own that freezes, then kills the highly available VMs when the
 * deadline has passed, and otherwise keeps the watchdog quiet. Reconnects by itself; the newest deadline is sent again then.
 */
export interface GuardLink {
  /** The newest the guard has said; null while it cannot be reached. */
  status(): GuardStatus | null;
  /** Called at every change of the status; returns a function that ends the subscription. */
  subscribe(listener: (status: GuardStatus | null) => void): () => void;
  /** Extends the deadline; null: none. The guard never takes a shorter one but with `end`. */
  extend(untilMs: number | null): void;
  /** The node has lost its right for certain: the guard acts as if the deadline had passed now. */
  end(): void;
  /**
   * The node is being switched off, or Godwit is: disarms the watchdog if none of the highly available VMs is left. Resolves to
   * whether it is disarmed; false also when the guard cannot be reached.
   */
  goodbye(): Promise<boolean>;
  close(): void;
}

/** The control groups that the VMs of this node run in. */
export interface VmSlices {
  /** Where a process of this VM belongs; the directory exists when this returns. */
  groupOf(vm: string, highlyAvailable: boolean): string;
  /** Moves a running process, e.g. when a VM becomes highly available. */
  move(pid: number, group: string): void;
  /** Keeps this VM frozen when the guard thaws all others; synchronous. */
  holdFrozen(vm: string): void;
  /** Lets it go on; synchronous. */
  thaw(vm: string): void;
  /** Whether every process of this VM stands still at this moment, by `holdFrozen` or by the guard. */
  isFrozen(vm: string): boolean;
  /** Highly available VMs that have processes on this node, whether an agent knows them or not. */
  highlyAvailable(): readonly string[];
  /** SIGKILL to all processes of the VM's group, frozen or not; resolves when they are gone, false if they are not within `timeoutMs`. */
  kill(vm: string, timeoutMs: number): Promise<boolean>;
  /** Removes the VM's groups where nothing runs in them any more, together with what `holdFrozen` has left there. */
  remove(vm: string): void;
}
