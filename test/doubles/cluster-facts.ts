import type { Receipt } from '../../src/migration/receipt.ts';
import type { NodeHeartbeat } from '../../src/model/authority.ts';
import type { MigrationIntent } from '../../src/model/intent.ts';
import { keys } from '../../src/model/keys.ts';
import type { NodeFacts, NodeMemory } from '../../src/model/node.ts';
import { GIBIBYTE, MEBIBYTE } from '../../src/model/units.ts';
import type { VmDefinition, VmDisk, VmRecord, VmStatus } from '../../src/model/vm.ts';

export function testHeartbeat(sequence: number): NodeHeartbeat {
  return {
    ...{ sequence, bootId: 'b', agentId: 'a', promises: [], guard: null },
    ...{ voters: [], votesNeeded: 1, takeoverMs: null },
  };
}

export function testFacts(name: string): NodeFacts {
  return {
    ...{ name, role: 'node', addresses: ['10.77.0.11'], apiUrl: `https://${name}:8440`, peerPort: 8441 },
    ...{ memoryBytes: GIBIBYTE, cpus: 2, qemuVersion: '7.2.22', accelerator: 'tcg' },
    machineTypes: ['pc-q35-7.1', 'pc-q35-7.2', 'q35'],
    cpuModels: ['qemu64-v1', 'Nehalem-v1'],
    switches: ['lan'],
    volumes: [{ name: 'shared', path: '/volumes/shared' }],
    migration: { address: '10.77.0.11', network: null, bandwidthBytesPerSecond: null },
    ...{ agentVersion: '0.1.0', bootId: 'b', startedAt: '2026-01-01T00:00:00.000Z' },
  };
}

export function testMemory(allocations: NodeMemory['allocations'] = {}): NodeMemory {
  return { capacityBytes: GIBIBYTE, allocations };
}

export function testDefinition(name: string): VmDefinition {
  const disk: VmDisk = {
    id: 'disk0',
    path: `/volumes/shared/vms/${name}-0/disk0.qcow2`,
    format: 'qcow2',
    sizeBytes: GIBIBYTE,
  };
  return {
    ...{ name, uuid: '00000000-0000-4000-8000-000000000000', memoryBytes: 256 * MEBIBYTE, cpus: 1 },
    ...{
      machineType: 'pc-q35-7.2',
      cpuModel: 'Nehalem-v1',
      accelerator: 'tcg',
      boot: { kind: 'disk' },
      disks: [disk],
      freePageHinting: false,
    },
    nics: [{ id: 'nic0', macAddress: '52:54:00:00:00:01', switchName: 'lan', address: '10.78.0.100/24' }],
  };
}

/** What the store has of a VM that node1 owns and, where it runs, holds memory for. */
export function vmEntries(name: string, state: VmStatus['state']): Record<string, unknown> {
  const definition = testDefinition(name);
  const running = state === 'running';
  const record: VmRecord = {
    ...{ definition, desired: running ? 'running' : 'off', highlyAvailable: true, automaticStart: true, budgetMs: 50 },
    ...{ createdAt: '2026-01-01T00:00:00.000Z', request: null },
  };
  const status: VmStatus = {
    ...{ state, node: 'node1', instance: running ? 'i1' : null, since: '2026-01-01T00:00:00.000Z', reason: 'as asked' },
    ...{ settledRequest: null, error: null },
  };
  return {
    [keys.vmRecord(name)]: record,
    [keys.vmOwner(name)]: { node: 'node1' },
    [keys.vmStatus(name)]: status,
    ...(running && { [keys.nodeMemory('node1')]: testMemory({ [name]: definition.memoryBytes }) }),
  };
}

/** A migration of the VM from node1 to node2. */
export function testIntent(vm: string): MigrationIntent {
  return {
    ...{
      migrationId: '01MIGRATION',
      vm,
      source: 'node1',
      destination: 'node2',
      epoch: '2',
      mode: 'live',
      budgetMs: 50,
    },
    ...{ bandwidthBytesPerSecond: null, encrypted: true, definitionHash: 'h', requestedAt: '2026-01-01T00:00:00.000Z' },
    ...{ budgetMaxMs: 50, compression: 'none', compressionReason: 'nothing speaks for it' },
    forecast: { totalMs: null, blackoutMs: null, converges: null, reason: 'nothing was measured yet' },
  };
}

/** Its receipt. */
export function testReceipt(id: string): Receipt {
  const startedAt = '2026-01-01T00:00:00.000Z';
  return {
    ...{ id, vm: 'WebServer', source: 'node1', destination: 'node2', mode: 'live', outcome: 'completed', reason: null },
    ...{ endedIn: 'commitment-and-activation', startedAt, endedAt: startedAt, totalMs: 3000.5, blackoutMs: 12.25 },
    ...{ networkGapMs: null, budgetMs: 50, phases: [{ name: 'pre-migration', startedAt, durationMs: 3.5 }] },
    rounds: [
      {
        round: 1,
        durationMs: 2500,
        sentBytes: 1e8,
        remainingBytes: 1e6,
        dirtyBytesPerSecond: null,
        bandwidthBytesPerSecond: 4e7,
      },
    ],
    blackout: { stopToLastPageMs: 4, deviceStateMs: 3, stopToCompletedMs: 7, goMs: 2, resumeMs: null },
    network: {
      framesHeld: null,
      framesReplayed: null,
      framesLost: null,
      framesDuplicated: null,
      connectionsKept: null,
      method: null,
      methodReason: null,
      probe: null,
    },
    ...{ transferredBytes: 1.2e8, memoryBytes: 256 * MEBIBYTE, encrypted: true, clockErrorMs: 0.1 },
    ...{ compression: 'none', budgetUsedMs: 50, complete: true },
    forecast: { totalMs: null, blackoutMs: null, converges: null, reason: 'nothing was measured yet' },
    decisions: [{ at: startedAt, what: 'switch over', why: 'what is left fits the budget' }],
    notMeasured: { networkGapMs: 'no probe ran' },
  };
}
