import type { NodeDetail } from '../../src/contract/nodes.ts';
import { GIBIBYTE, MEBIBYTE } from '../../src/model/units.ts';

/** A node as the API shows it: up, guarded, with one VM. */
export function sampleNode(changes: Partial<NodeDetail> = {}): NodeDetail {
  return {
    ...{ name: 'node1', role: 'node', state: 'up', vms: ['WebServer'], addresses: ['10.77.0.11', '10.78.0.11'] },
    ...{ memory: { capacityBytes: GIBIBYTE, freeBytes: 768 * MEBIBYTE }, cpus: 2, qemuVersion: '7.2.22' },
    ...{ accelerator: 'tcg', agentVersion: '0.1.0', apiUrl: 'https://10.78.0.11:8440', bootId: 'b' },
    ...{ switches: ['lan'], volumes: [{ name: 'shared', path: '/volumes/shared' }] },
    migration: { address: '10.77.0.11', network: null, bandwidthBytesPerSecond: null },
    ...{ reason: 'It is a member, and its heartbeat is current.', silentForMs: null },
    agentStartedAt: '2026-11-23T10:00:00.000Z',
    membership: { state: 'member', since: '2026-11-23T10:00:00.000Z', evidence: null, reason: null },
    service: { mode: 'active', since: null, by: null, drain: null },
    ...{ fencedAt: [], quarantinedUntil: null },
    takeover: { voters: ['node2', 'witness'], votesNeeded: 2, afterMs: 7500, votes: [] },
    guard: { watchdogMs: 2000, latencyMaxMs: 3.2, frozen: false },
    ...{ powerFencing: null, events: [] },
    ...changes,
  };
}
