import type { NodeName, VmName } from './names.ts';

export const EVENT_KINDS = [
  // Nodes
  'node-joined',
  'node-left',
  'node-silent',
  'node-back',
  'node-fenced',
  'node-rejoined',
  'node-quarantined',
  'node-paused',
  'node-resumed',
  'node-drained',
  'drain-blocked',
  'drain-cancelled',
  'fencing-tried',
  'authority-ended',
  'authority-back',
  'agent-started',
  'agent-stopped',
  'voted',
  // VMs
  'vm-recovered',
  'vm-waits',
  'vm-restarted',
  'vm-failed',
  'vm-moved',
  'vm-settled',
  'vm-failed-back',
  // Cluster
  'availability-disarmed',
  'availability-armed',
  'store-unavailable',
  'store-back',
  'store-member-changed',
  'store-member-ended',
  'store-saved',
  'store-not-saved',
  'certificate-renewed',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** Something that was decided or noticed, and why. Key `/godwit-events/<id>`; kept for 30 days, at most 5,000. */
export interface ClusterEvent {
  /** Sorts by time (as ids of migrations). */
  readonly id: string;
  readonly at: string;
  /** The node whose agent says it. */
  readonly by: NodeName;
  readonly kind: EventKind;
  readonly critical: boolean;
  readonly node: NodeName | null;
  readonly vm: VmName | null;
  /** What happened, one sentence. */
  readonly text: string;
  /** Why, one sentence; empty where the text says it all. */
  readonly reason: string;
}

/** An event as it is said; its id, time and speaker are added by the log. */
export type NewEvent = Omit<ClusterEvent, 'id' | 'at' | 'by'>;
