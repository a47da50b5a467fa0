// A cluster as one agent knows it, and the database's answer to a transaction about it: for decisions that are tried out round by round.
import type { FenceEvidence, NodeFailures, NodeMembership, NodeService } from '../../src/model/authority.ts';
import { DEFAULT_AVAILABILITY, type VmAvailability } from '../../src/model/availability.ts';
import { applyEntries, type ClusterState, EMPTY_CLUSTER_STATE, type Now } from '../../src/model/cluster-state.ts';
import type { MigrationIntent } from '../../src/model/intent.ts';
import { keys, STORE_PREFIX } from '../../src/model/keys.ts';
import type { NodeFacts, NodeMemory } from '../../src/model/node.ts';
import type { Transaction } from '../../src/model/transaction.ts';
import { GIBIBYTE, MEBIBYTE } from '../../src/model/units.ts';
import type { VmRecord, VmStatus } from '../../src/model/vm.ts';
import { testDefinition, testFacts, testHeartbeat } from './cluster-facts.ts';

export const WALL_MS = Date.parse('2026-01-02T12:00:00.000Z');
export const NOW: Now = { monotonicMs: 1_000_000, wallMs: WALL_MS };
export const LONG_AGO = '2026-01-01T00:00:00.000Z';

export interface TestNode {
  readonly name: string;
  readonly facts?: Partial<NodeFacts>;
  /** 1 GiB by default. */
  readonly memoryBytes?: number;
  /** `silent`: no heartbeat for long. `fenced`: that, and taken over by votes unless `evidence` says otherwise. */
  readonly is?: 'up' | 'silent' | 'fenced';
  readonly evidence?: FenceEvidence;
  readonly service?: NodeService;
  readonly failures?: NodeFailures;
  readonly memberSince?: string;
}

export interface TestVm {
  readonly name: string;
  readonly on: string;
  /** 256 MiB by default. */
  readonly memoryBytes?: number;
  readonly state?: VmStatus['state'];
  readonly status?: Partial<VmStatus>;
  readonly record?: Partial<VmRecord>;
  readonly availability?: Partial<VmAvailability>;
  readonly intent?: Partial<MigrationIntent> & Pick<MigrationIntent, 'destination'>;
}

export const VOTES: FenceEvidence = { kind: 'votes', voters: ['node2', 'node3'], heartbeatRevision: '1' };

/** VMs that run or are to run hold their memory where they are, and where they migrate to. */
export function testCluster(nodes: readonly TestNode[], vms: readonly TestVm[] = []): ClusterState {
  const memory = new Map<string, Record<string, number>>(nodes.map(({ name }) => [name, {}]));
  const entries = [...nodes.flatMap(nodeEntries), ...vms.flatMap((vm) => vmEntriesOf(vm, memory))];
  for (const node of nodes) {
    const value: NodeMemory = {
      capacityBytes: node.memoryBytes ?? GIBIBYTE,
      allocations: memory.get(node.name) ?? {},
    };
    entries.push([keys.nodeMemory(node.name), value]);
  }
  const silent = new Set(nodes.flatMap(({ name, is = 'up' }) => (is === 'up' ? [] : [keys.nodeHeartbeat(name)])));
  const raw = entries.map(([key, value], index) => ({ key, value, modRevision: String(index + 1) }));
  const revision = String(entries.length);
  const old = { entries: raw.filter(({ key }) => silent.has(key)), revision, nowMs: NOW.monotonicMs - 60_000 };
  const recent = { entries: raw.filter(({ key }) => !silent.has(key)), revision, nowMs: NOW.monotonicMs - 100 };
  return applyEntries(applyEntries(EMPTY_CLUSTER_STATE, old), recent);
}

function nodeEntries(node: TestNode): [string, unknown][] {
  const { name, is = 'up', evidence = VOTES, service, failures, memberSince = LONG_AGO } = node;
  const membership: NodeMembership =
    is === 'fenced'
      ? { state: 'fenced', bootId: 'b', since: LONG_AGO, evidence, reason: 'it was silent', by: 'node2' }
      : { state: 'member', bootId: 'b', since: memberSince };
  return [
    [keys.nodeFacts(name), { ...testFacts(name), cpus: 8, ...node.facts }],
    [keys.nodeHeartbeat(name), testHeartbeat(1)],
    [keys.nodeMembership(name), membership],
    ...(service === undefined ? [] : [[keys.nodeService(name), service] as [string, unknown]]),
    ...(failures === undefined ? [] : [[keys.nodeFailures(name), failures] as [string, unknown]]),
  ];
}

function vmEntriesOf(vm: TestVm, memory: Map<string, Record<string, number>>): [string, unknown][] {
  const { name, on, state = 'running', memoryBytes = 256 * MEBIBYTE, availability } = vm;
  const runs = state === 'running' || state === 'starting' || state === 'paused';
  const record: VmRecord = {
    definition: { ...testDefinition(name), memoryBytes },
    ...{ desired: runs ? 'running' : 'off', highlyAvailable: true, automaticStart: false, budgetMs: 50 },
    ...{ createdAt: LONG_AGO, request: null },
    ...(availability !== undefined && { availability: { ...DEFAULT_AVAILABILITY, ...availability } }),
    ...vm.record,
  };
  const status: VmStatus = {
    ...{ state, node: on, instance: state === 'running' || state === 'paused' ? 'i1' : null, since: LONG_AGO },
    ...{ reason: 'as asked', settledRequest: null, error: null, bootId: 'b' },
    ...vm.status,
  };
  const hold = (node: string) => {
    const held = memory.get(node);
    if (held !== undefined) held[name] = memoryBytes;
  };
  if (runs) hold(on);
  if (vm.intent !== undefined) hold(vm.intent.destination);
  return [
    [keys.vmRecord(name), record],
    [keys.vmOwner(name), { node: on }],
    [keys.vmStatus(name), status],
    ...(vm.intent === undefined ? [] : [[keys.vmIntent(name), intentOf(vm, vm.intent)] as [string, unknown]]),
  ];
}

function intentOf({ name, on }: TestVm, intent: NonNullable<TestVm['intent']>): unknown {
  return { migrationId: `01${name}`, vm: name, source: on, epoch: '0', ...intent };
}

/** The state with the transaction applied, or null if a compare does not hold. Fails for one that etcd would not take. */
export function transact(state: ClusterState, transaction: Transaction): ClusterState | null {
  const { compare, write } = transaction;
  if (compare.length > 128 || write.length > 128) throw new Error('more than 128 compares or writes');
  const puts = write.flatMap((one) => ('put' in one ? [one.put] : [one.delete]));
  if (new Set(puts).size !== puts.length) throw new Error('a key is written twice');
  if (compare.some(({ key, modRevision }) => revisionOf(state, key) !== modRevision)) return null;
  const revision = String(Number(state.revision) + 1);
  const entries = write.map((one) => ({
    key: 'put' in one ? one.put : one.delete,
    value: 'put' in one ? one.value : undefined,
    modRevision: revision,
  }));
  return applyEntries(state, { entries, revision, nowMs: NOW.monotonicMs });
}

function revisionOf(state: ClusterState, key: string): string {
  const [kind, name = '', part] = key.slice(STORE_PREFIX.length).split('/');
  if (kind === 'memory') return state.memory.get(name)?.modRevision ?? '0';
  if (kind === 'votes') return state.nodes.get(name)?.votes.get(part ?? '')?.modRevision ?? '0';
  const entry = (kind === 'nodes' ? state.nodes.get(name) : state.vms.get(name)) as
    | Record<string, { readonly modRevision: string } | null | undefined>
    | undefined;
  return entry?.[part ?? '']?.modRevision ?? '0';
}
