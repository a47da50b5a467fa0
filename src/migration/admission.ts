import type { MigrationId, NodeName, VmName } from '../model/names.ts';

/** Of a link's rate the migrations before must leave this much unused. */
const UNUSED_SHARE_MIN = 0.4;
/** Of a link's rate all guests moving over it may dirty this much together: above it each one converges later than in turn. */
const DIRTY_SHARE_MAX = 0.5;

/** An open migration, as far as others have to wait for it. */
export interface OpenMigration {
  readonly id: MigrationId;
  readonly vm: VmName;
  readonly source: NodeName;
  readonly destination: NodeName;
  /** `before`: its transfer has not begun. `over`: it sends nothing any more. */
  readonly transfer: 'before' | 'running' | 'over';
  /** null if it was not measured. */
  readonly dirtyBytesPerSecond: number | null;
  /** Measured; 0 if it was not yet. */
  readonly bandwidthBytesPerSecond: number;
  /** Rate of the link between its nodes. */
  readonly linkBytesPerSecond: number;
}

export interface Admission {
  readonly admitted: boolean;
  readonly reason: string;
  /** The same as long as the reason is the same but for its figures. */
  readonly cause: string;
}

/**
 * May this migration begin its transfer, or does it wait?
 *
 * What converges is the dirty rate over the rate of the link, so two at once take longer than one after the other, unless the first
 * does not use the link up. The oldest always goes, and each one looks at older ones only: nobody waits in a circle, and nobody is overtaken
 * for ever. Links carry both directions at once, so two share one only if they leave the same node or arrive at the same one.
 */
export function admit(id: MigrationId, open: readonly OpenMigration[]): Admission {
  const going: OpenMigration[] = [];
  for (const migration of open.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const admission = judge(migration, going);
    if (migration.id === id) return admission;
    if (migration.transfer === 'running' || (migration.transfer === 'before' && admission.admitted)) {
      going.push(migration);
    }
  }
  return { admitted: true, reason: 'it is not among the open migrations', cause: 'unknown' };
}

/** `older`: those before it that send, or are about to. */
function judge(migration: OpenMigration, older: readonly OpenMigration[]): Admission {
  const links = [
    { node: migration.source, way: 'out of', sharing: older.filter((one) => one.source === migration.source) },
    {
      node: migration.destination,
      way: 'into',
      sharing: older.filter((one) => one.destination === migration.destination),
    },
  ];
  for (const link of links) {
    const refusal = whyWait(migration, link);
    if (refusal !== null) return { admitted: false, ...refusal };
  }
  const shares = links.some(({ sharing }) => sharing.length > 0);
  return shares
    ? { admitted: true, reason: 'the migrations before it leave enough of the link unused', cause: 'shares' }
    : { admitted: true, reason: 'no older migration uses the same link', cause: 'alone' };
}

interface SharedLink {
  readonly node: NodeName;
  readonly way: string;
  readonly sharing: readonly OpenMigration[];
}

function whyWait(
  migration: OpenMigration,
  { node, way, sharing }: SharedLink,
): { reason: string; cause: string } | null {
  const [first] = sharing;
  if (first === undefined) return null;
  const names = sharing.map((one) => one.vm).join(', ');
  const unmeasured = sharing.find((one) => one.bandwidthBytesPerSecond === 0);
  if (unmeasured !== undefined) {
    return {
      reason: `${unmeasured.vm} began to move ${way} ${node} before; how much of the link it uses is not known yet`,
      cause: `unmeasured ${unmeasured.id}`,
    };
  }
  const link = Math.max(migration.linkBytesPerSecond, ...sharing.map((one) => one.linkBytesPerSecond));
  const used = sum(sharing.map((one) => one.bandwidthBytesPerSecond)) / link;
  if (used > 1 - UNUSED_SHARE_MIN) {
    return {
      reason: `${names} uses ${percent(used)} of the link ${way} ${node}: one after the other is faster`,
      cause: `used ${names}`,
    };
  }
  const dirty = sum([migration, ...sharing].map((one) => one.dirtyBytesPerSecond ?? 0)) / link;
  if (dirty > DIRTY_SHARE_MAX) {
    return {
      reason: `${migration.vm} and ${names} together dirty memory at ${percent(dirty)} of the link ${way} ${node}`,
      cause: `dirty ${names}`,
    };
  }
  return null;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
