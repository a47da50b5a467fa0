import type { NodeFacts } from '../src/model/node.ts';
import { DEFAULT_AVAILABILITY } from '../src/model/availability.ts';
import type { VmRecord, VmStatus } from '../src/model/vm.ts';
import type { Machine } from './machine.ts';
import type { VmPlan } from './cluster-plan.ts';

const MIB = 1024 * 1024;

/** On the cluster network. */
export function addressOf({ index }: Machine): string {
  return `10.0.${index >> 8}.${(index & 255) + 1}`;
}

/** What a node says of itself. */
export function factsOf(machine: Machine): NodeFacts {
  const { name, role, memoryBytes } = machine.options;
  return {
    ...{ name, role, addresses: [addressOf(machine)], apiUrl: `https://${name}`, peerPort: 1, memoryBytes, cpus: 64 },
    ...{ qemuVersion: role === 'node' ? machine.versions.qemu : null, accelerator: role === 'node' ? 'kvm' : null },
    ...{ machineTypes: ['pc-q35-7.2'], cpuModels: ['Nehalem-v1'], switches: ['lan'], volumes: [] },
    migration: { address: addressOf(machine), network: null, bandwidthBytesPerSecond: null },
    ...{ agentVersion: machine.versions.agent, bootId: machine.bootId, startedAt: '2026-01-01T00:00:00.000Z' },
  };
}

export function recordOf(vm: VmPlan, at: string): VmRecord {
  return {
    definition: {
      ...{ name: vm.name, uuid: vm.name, memoryBytes: vm.memoryMiB * MIB, cpus: 1, machineType: 'pc-q35-7.2' },
      ...{
        cpuModel: 'Nehalem-v1',
        accelerator: 'kvm',
        freePageHinting: false,
        boot: { kind: 'disk' },
        disks: [],
        nics: [],
      },
    },
    ...{ desired: 'running', highlyAvailable: vm.highlyAvailable, automaticStart: true, budgetMs: 50, createdAt: at },
    request: null,
    availability: {
      ...DEFAULT_AVAILABILITY,
      ...{ priority: vm.priority, antiAffinity: vm.antiAffinity, possibleOwners: vm.possibleOwners },
      ...(vm.preferredOwners !== undefined && {
        preferredOwners: vm.preferredOwners,
        failback: { enabled: true, window: null },
      }),
    },
  };
}

export function firstStatus(vm: VmPlan, at: string): VmStatus {
  return {
    ...{ state: 'starting', node: vm.node, instance: null, since: at, reason: 'Created' },
    ...{ settledRequest: null, error: null },
  };
}
