// How a migration's memory will go over, and what is forecast of it: pure functions on what the cluster knows now.
import { type CompressionChoice, chooseCompression } from './choose-compression.ts';
import { forecastMigration, usableRate } from './forecast.ts';
import { learn } from './learn.ts';
import { type ClusterState, type VmEntry, vmState } from '../model/cluster-state.ts';
import type { MigrationForecast } from '../model/intent.ts';
import type { NodeName } from '../model/names.ts';
import type { VmActivity } from '../model/vm.ts';

export interface TransferRequest {
  readonly entry: VmEntry;
  /** null until the guest's memory has been sampled. */
  readonly activity: VmActivity | null;
  readonly source: NodeName;
  readonly destination: NodeName;
  readonly budgetMs: number;
  readonly budgetMaxMs: number;
  readonly bandwidthBytesPerSecond: number | null;
  readonly encrypted: boolean;
  /** Wall clock, in milliseconds since 1970. */
  readonly nowMs: number;
}

export interface TransferPlan extends CompressionChoice {
  readonly forecast: MigrationForecast;
}

export function planTransfer(state: ClusterState, request: TransferRequest): TransferPlan {
  const { entry, activity, source, destination, encrypted, bandwidthBytesPerSecond } = request;
  const { name: vm, memoryBytes } = entry.record.value.definition;
  const learned = learn(state.migrations, { vm, source, destination, encrypted });
  const linkBytesPerSecond = usableRate(learned, bandwidthBytesPerSecond);
  const freeCores = Math.min(freeCoresOf(state, source), freeCoresOf(state, destination));
  const { budgetMs, budgetMaxMs, nowMs } = request;
  const choice = chooseCompression({ activity, linkBytesPerSecond, freeCores, encrypted, budgetMaxMs });
  const forecast = forecastMigration({
    ...{ memoryBytes, activity, learned, bandwidthBytesPerSecond, budgetMs, budgetMaxMs, freeCores, encrypted, nowMs },
    compression: choice.compression,
  });
  return { ...choice, forecast };
}

/** Processors of a node that no running guest claims; at least 0. */
function freeCoresOf(state: ClusterState, node: NodeName): number {
  const cpus = state.nodes.get(node)?.facts.value.cpus ?? 0;
  const taken = [...state.vms.values()]
    .filter(
      (entry) => entry.owner?.value.node === node && ['running', 'migrating', 'starting'].includes(vmState(entry)),
    )
    // The store may hold another key of a VM without its record.
    .map((entry) => (entry.record as VmEntry['record'] | null)?.value.definition.cpus ?? 0);
  return Math.max(0, cpus - taken.reduce((sum, count) => sum + count, 0));
}
