import { type Admission, admit, type OpenMigration } from '../migration/admission.ts';
import { ASSUMED_LINK_BYTES_PER_SECOND } from '../model/units.ts';
import { learn } from '../migration/learn.ts';
import type { MigrationProgress } from '../migration/migration.ts';
import type { MigrationPhase } from '../migration/phases.ts';
import { type ClusterReader, type ClusterState, nodeState, type Now, type VmEntry } from '../model/cluster-state.ts';
import type { MigrationId, NodeName } from '../model/names.ts';
import type { NodeState } from '../model/node.ts';

const TRANSFER_IN: Readonly<Record<MigrationPhase, OpenMigration['transfer']>> = {
  'pre-migration': 'before',
  reservation: 'before',
  'iterative-pre-copy': 'running',
  'stop-and-copy': 'running',
  'commitment-and-activation': 'over',
};

const GONE: ReadonlySet<NodeState> = new Set<NodeState>(['down', 'isolated', 'fenced']);

/** Whether an open migration may begin its transfer, by what this node knows of the others. */
export function askAdmission(id: MigrationId, view: Pick<ClusterReader, 'current' | 'now'>): Admission {
  const state = view.current();
  const now = view.now();
  const open = [...state.vms.values()].flatMap((entry) => openMigration(entry, { state, now }) ?? []);
  return admit(id, open);
}

function openMigration(
  { intent, activity }: VmEntry,
  { state, now }: { state: ClusterState; now: Now },
): OpenMigration | null {
  if (intent === null) return null;
  const { migrationId, vm, source, destination, encrypted } = intent.value;
  // A paused or draining node migrates like any other.
  const isUp = (name: NodeName) => {
    const node = state.nodes.get(name);
    return node !== undefined && !GONE.has(nodeState(node, now));
  };
  // One with an end that is down sends nothing, and may stay open for long: nobody waits for it.
  if (!isUp(source) || !isUp(destination)) return null;
  const progress = state.progress.get(migrationId) as Partial<MigrationProgress> | null | undefined;
  const { link } = learn(state.migrations, { vm, source, destination, encrypted });
  return {
    ...{ id: migrationId, vm, source, destination },
    transfer: TRANSFER_IN[progress?.phase ?? 'pre-migration'],
    dirtyBytesPerSecond: progress?.rounds?.at(-1)?.dirtyBytesPerSecond ?? activity?.dirtyBytesPerSecond ?? null,
    bandwidthBytesPerSecond: progress?.bandwidthBytesPerSecond ?? 0,
    linkBytesPerSecond: link?.bytesPerSecond ?? ASSUMED_LINK_BYTES_PER_SECOND,
  };
}
