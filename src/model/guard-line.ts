/** What the agent and the guard of a node say to each other: one JSON object per line, over a Unix socket. */
import type { GuardFacts } from './authority.ts';

/** The control group of the highly available VMs, and that of the others, below `guard.cgroup` of the configuration. */
export const HA_GROUP = 'ha-vms';
export const OTHER_GROUP = 'other-vms';

export type MessageToGuard =
  /** Milliseconds on CLOCK_MONOTONIC; null: no deadline. */
  | { readonly kind: 'extend'; readonly untilMs: number | null }
  | { readonly kind: 'end' }
  | { readonly kind: 'goodbye' };

/** Sent at the connection, at every change, and with every period of the guard. */
export interface MessageFromGuard extends GuardFacts {
  readonly kind: 'status';
  readonly guardId: string;
  /** As the guard counts it, so 3.5 s from now at most; null: it has no deadline, or was never given one. */
  readonly authorityUntilMs: number | null;
  /** What has come of the last `goodbye`: whether no watchdog is armed any more; null: none was said since the last `extend`. */
  readonly disarmed: boolean | null;
}
