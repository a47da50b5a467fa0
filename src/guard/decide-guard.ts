/**
 * What the guard does next: quiet the watchdog, freeze the highly available VMs, let them go on, kill them. Pure. "Frozen" of a control group
 * means that no guest runs and none of its disk requests is under way: a thread that waits for a disk inside the kernel is not frozen before
 * it is answered.
 */
import { GUARD_PERIOD_MS, QUIET_GRACE_MS } from '../model/authority.ts';

/** What freezing may take before the VMs are killed. */
const FREEZE_LIMIT_MS = 500;
/** What killing may take before nobody expects it any more. */
const KILL_LIMIT_MS = 500;
/** How often is looked while something is being frozen or killed. */
const LOOK_MS = 50;

export interface GuardInput {
  /** CLOCK_MONOTONIC. */
  readonly nowMs: number;
  /** Until when the VMs may run; null: without end. In the past where nothing is known. */
  readonly deadlineMs: number | null;
  /** When the group was told to freeze; null: it is not. */
  readonly freezingSinceMs: number | null;
  /** As cgroup.events of the group says; read after `freezingSinceMs`. */
  readonly populated: boolean;
  readonly frozen: boolean;
}

export interface GuardDecision {
  /** Whether the group is to be frozen; false: it is to run. */
  readonly freeze: boolean;
  /** cgroup.kill; it works on frozen processes too. */
  readonly kill: boolean;
  /**
   * Whether the watchdog may be quieted at `nowMs`. To be decided again after the write: a guard that was held up in between
   * has petted after the end, for which the fence bound allows once.
   */
  readonly pet: boolean;
  /** One sentence; the same text as long as nothing changes. */
  readonly reason: string;
  /** When to look again at the latest. */
  readonly wakeAtMs: number;
}

export function decideGuard(input: GuardInput): GuardDecision {
  const { nowMs, deadlineMs, freezingSinceMs } = input;
  if (deadlineMs === null) {
    const reason = 'The VMs may run: nobody takes this node over without proof.';
    return { freeze: false, kill: false, pet: true, reason, wakeAtMs: nowMs + GUARD_PERIOD_MS };
  }
  if (nowMs < deadlineMs) {
    const wakeAtMs = Math.min(nowMs + GUARD_PERIOD_MS, deadlineMs + QUIET_GRACE_MS);
    return { freeze: false, kill: false, pet: true, reason: 'The VMs may run: this node has authority.', wakeAtMs };
  }
  if (freezingSinceMs !== null) return whileFreezing(input, freezingSinceMs);
  const freezeAtMs = deadlineMs + QUIET_GRACE_MS;
  if (nowMs < freezeAtMs) {
    const reason = 'Authority has ended: the agent may stop the VMs.';
    return { freeze: false, kill: false, pet: false, reason, wakeAtMs: freezeAtMs };
  }
  // Whether they stand still is only known from the next look on.
  return {
    freeze: true,
    kill: false,
    pet: false,
    reason: 'Authority has ended: the VMs are frozen.',
    wakeAtMs: nowMs + 1,
  };
}

function whileFreezing({ nowMs, populated, frozen }: GuardInput, freezingSinceMs: number): GuardDecision {
  if (frozen || !populated) {
    const reason = populated
      ? 'Authority has ended: the VMs stand still until it is back.'
      : 'Authority has ended: no VM is left.';
    return { freeze: true, kill: false, pet: true, reason, wakeAtMs: nowMs + GUARD_PERIOD_MS };
  }
  const forMs = nowMs - freezingSinceMs;
  if (forMs < FREEZE_LIMIT_MS) {
    const wakeAtMs = Math.min(nowMs + LOOK_MS, freezingSinceMs + FREEZE_LIMIT_MS);
    return {
      freeze: true,
      kill: false,
      pet: false,
      reason: 'Authority has ended: the VMs are being frozen.',
      wakeAtMs,
    };
  }
  const reason =
    forMs < FREEZE_LIMIT_MS + KILL_LIMIT_MS
      ? 'Authority has ended and a VM cannot be frozen: they are killed.'
      : 'A VM can be neither frozen nor killed: the watchdog is left to reset this node.';
  return { freeze: true, kill: true, pet: false, reason, wakeAtMs: nowMs + LOOK_MS };
}
