import type { NodeName } from './names.ts';

export const PRIORITIES = ['high', 'medium', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** How a VM is brought back, and where it may and should be. Part of its record; records stored before there was a choice lack it. */
export interface VmAvailability {
  /** Order of recovery. */
  readonly priority: Priority;
  /** Best first; empty: none is preferred. */
  readonly preferredOwners: readonly NodeName[];
  /** Empty: every node. */
  readonly possibleOwners: readonly NodeName[];
  /** VMs that share one of these names never run on the same node. */
  readonly antiAffinity: readonly string[];
  readonly failback: {
    readonly enabled: boolean;
    /** Hours of the day (UTC) between which a failback may happen, 0 to 24; may go over midnight. Null: at once. */
    readonly window: { readonly fromHour: number; readonly toHour: number } | null;
  };
  readonly restart: {
    /** How often it is restarted where it is when its QEMU crashes, 0 to 10, within {@link RESTART_PERIOD_MS}. */
    readonly here: number;
    /** How often it is then started on another node, 0 to 10. */
    readonly elsewhere: number;
  };
}

export const RESTART_PERIOD_MS = 15 * 60_000;

export const DEFAULT_AVAILABILITY: VmAvailability = {
  priority: 'medium',
  preferredOwners: [],
  possibleOwners: [],
  antiAffinity: [],
  failback: { enabled: false, window: null },
  restart: { here: 1, elsewhere: 1 },
};

/** How often a VM was restarted because its QEMU or its node failed. Part of its status. */
export interface VmRestarts {
  /** Start of the period that is counted. */
  readonly since: string;
  readonly here: number;
  readonly elsewhere: number;
  /** Nodes on which it failed within the period. */
  readonly failedOn: readonly NodeName[];
}
