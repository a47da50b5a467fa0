import type { FastifyInstance } from 'fastify';
import { pauseVm, resetVm, resumeVm, saveVm, shutDownVm, startVm, turnOffVm } from '../contract/vms.ts';
import { comparesOfVm } from '../failover/assign.ts';
import { newOwnerForStart } from '../failover/elsewhere.ts';
import { isoDate } from '../migration/write-receipt.ts';
import {
  type ClusterState,
  nodeState,
  type Now,
  type Versioned,
  type VmEntry,
  vmState,
} from '../model/cluster-state.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { keys } from '../model/keys.ts';
import type { NodeName, VmName } from '../model/names.ts';
import { freeMemoryBytes, type NodeMemory, withAllocation, withoutAllocation } from '../model/node.ts';
import { formatBytes } from '../model/units.ts';
import type { VmAction, VmRecord, VmRequest, VmState } from '../model/vm.ts';
import type { Compare, Write } from '../ports/store.ts';
import { type AsAsked, type Change, commitChange } from './commit.ts';
import type { ApiContext } from './context.ts';
import { readForDecision, requireVm } from './read-state.ts';
import { answer, serve } from './resource.ts';
import { takePending } from './pending-hardware.ts';
import {
  nameOf,
  pendingRequest,
  requireNotMigrating,
  requireOwner,
  requireOwnerServing,
  requireState,
  unsuitable,
  whyOwnerAbsent,
} from './vm-state-checks.ts';

type PowerAction = Exclude<VmAction, 'delete'>;

/** Requests to change the power state: written into the VM's record, where its owner finds and settles them. */
export function servePower(app: FastifyInstance, context: ApiContext): void {
  const routes = [
    [startVm, 'start'],
    [shutDownVm, 'shutdown'],
    [turnOffVm, 'turn-off'],
    [pauseVm, 'pause'],
    [resumeVm, 'resume'],
    [resetVm, 'reset'],
    [saveVm, 'save'],
  ] as const;
  for (const [route, action] of routes) {
    serve(app, route, async ({ params: { name } }) =>
      answer(202, { requestId: await requestAction(context, name, action) }),
    );
  }
}

async function requestAction(context: ApiContext, vm: VmName, action: PowerAction): Promise<string> {
  const request: VmRequest = { id: context.ids.uuid(), action, at: isoDate(context.clock.wallMs()) };
  let known: string | undefined;
  return await commitChange(context, async () => {
    const state = await readForDecision(context, vm);
    const entry = requireVm(state, vm);
    const newest = entry.record.value.request;
    known ??= newest?.id ?? '';
    // While this one was decided; its owner may be done with it already.
    if (newest !== null && newest.id !== known) {
      if (newest.action === action) return sameWish(entry, newest);
      requireNoConflict(entry, action);
    }
    requireNotMigrating(entry);
    const now = context.reader.now();
    if (action === 'start') return decideStart(state, { entry, request, now });
    if (action === 'shutdown' || action === 'turn-off') requireCanEnd(state, { entry, request, now });
    else requireGuest(state, { entry, action, now });
    const pending = pendingRequest(entry);
    // To be asked for once more is something to a guest that did not listen the first time.
    if (pending?.action === action && action !== 'shutdown') return sameWish(entry, pending);
    return changeOf(entry, request, { compare: [], write: [] });
  });
}

/** Whoever asked waits for the same as the one who was faster. */
function sameWish({ record }: VmEntry, { id }: VmRequest): AsAsked<string> {
  return { asAsked: id, revision: record.modRevision };
}

const WISHES: Readonly<Record<VmAction, string>> = {
  start: 'started',
  shutdown: 'shut down',
  'turn-off': 'turned off',
  pause: 'paused',
  resume: 'resumed',
  reset: 'reset',
  save: 'saved',
  delete: 'deleted',
};

/**
 * Of two different wishes at the same moment the first one holds, since it may have been answered; but a VM can always be turned off.
 * Throws CONCURRENT_CHANGE.
 */
function requireNoConflict(entry: VmEntry, action: PowerAction): void {
  const pending = pendingRequest(entry);
  if (pending === null || action === 'turn-off') return;
  throw new GodwitError({
    code: 'CONCURRENT_CHANGE',
    message: `${nameOf(entry)} cannot be ${WISHES[action]} now: somebody else asked at the same moment that it be ${WISHES[pending.action]}.`,
    state: 'The other request stands; this one has changed nothing.',
    nextStep: `Look at its state with \`godwit vm show ${nameOf(entry)}\`, and ask again if it is still wanted.`,
  });
}

/** As {@link requireState}; names what it is about to become, too. */
function requireStateNow(entry: VmEntry, allowed: readonly VmState[], what: string): void {
  const [state, pending] = [vmState(entry), pendingRequest(entry)];
  if (pending === null || allowed.includes(state)) return requireState(entry, allowed, what);
  throw unsuitable(
    entry,
    `${nameOf(entry)} is ${state} and is to be ${WISHES[pending.action]}; it cannot be ${what} now.`,
  );
}

interface PowerInput {
  readonly entry: VmEntry;
  readonly request: VmRequest;
  readonly now: Now;
}

function decideStart(state: ClusterState, { entry, request, now }: PowerInput): Change<string> | AsAsked<string> {
  const pending = pendingRequest(entry);
  if (pending?.action === 'start') {
    requireOwnerServing(state, entry, now);
    return sameWish(entry, pending);
  }
  requireStateNow(entry, ['off', 'saved', 'failed'], 'started');
  const started = takePending(entry);
  const owner = requireOwner(entry);
  const node = state.nodes.get(owner);
  if (node === undefined || nodeState(node, now) !== 'up') return startElsewhere(state, { ...started, request, now });
  const { name, memoryBytes } = started.entry.record.value.definition;
  const memory = requireMemory({ vm: name, node: owner, neededBytes: memoryBytes, memory: state.memory.get(owner) });
  const key = keys.nodeMemory(owner);
  return changeOf(started.entry, request, {
    compare: [{ key, modRevision: memory.modRevision }],
    write: [...started.write, { put: key, value: withAllocation(memory.value, name, memoryBytes) }],
  });
}

/** Its owner is not there, or takes no VMs: another node becomes the owner with the same transaction. */
function startElsewhere(
  state: ClusterState,
  { entry, request, now, write }: PowerInput & { readonly write: readonly Write[] },
): Change<string> {
  const found = newOwnerForStart(state, now, entry);
  if (found.kind === 'found') {
    return changeOf(entry, request, { compare: found.compare, write: [...write, ...found.write] });
  }
  if (found.mayRun) requireOwnerServing(state, entry, now);
  throw noPlaceForStart(entry, whyOwnerAbsent(state, entry, now), found.reasons);
}

/** `absent`: why its owner cannot start it; null: its owner takes no VMs. */
function noPlaceForStart(entry: VmEntry, absent: string | null, reasons: readonly string[]): GodwitError {
  const [vm, owner] = [nameOf(entry), requireOwner(entry)];
  const common = { state: NOTHING_CHANGED, details: { reasons } };
  if (absent === null) {
    return new GodwitError({
      ...{ ...common, code: 'PLACEMENT_NOT_POSSIBLE' },
      message: `${owner}, the owner of ${vm}, takes no VMs now, and no other node can take it.`,
      nextStep: `Let ${owner} take VMs again with \`godwit node resume ${owner}\`, or give another node what it lacks.`,
    });
  }
  return new GodwitError({
    ...{ ...common, code: 'NODE_UNREACHABLE' },
    message: `${absent} No other node can start ${vm}: ${reasons.join(' ')}`,
    nextStep: `Bring ${owner} back, or give another node what it lacks, then try again.`,
  });
}

interface MemoryNeed {
  readonly vm: VmName;
  readonly node: NodeName;
  readonly neededBytes: number;
  readonly memory: Versioned<NodeMemory> | undefined;
}

/** The owner's memory, which must have room for the VM. Throws NOT_ENOUGH_MEMORY. */
function requireMemory({ vm, node, neededBytes, memory }: MemoryNeed): Versioned<NodeMemory> {
  const freeBytes = memory === undefined ? 0 : freeMemoryBytes(withoutAllocation(memory.value, vm));
  if (memory !== undefined && neededBytes <= freeBytes) return memory;
  const capacityBytes = memory?.value.capacityBytes ?? 0;
  throw new GodwitError({
    code: 'NOT_ENOUGH_MEMORY',
    message: `${vm} needs ${formatBytes(neededBytes)}; ${node} has ${formatBytes(freeBytes)} of ${formatBytes(capacityBytes)} free for VMs.`,
    state: NOTHING_CHANGED,
    nextStep: `Turn off or move away a VM on ${node}, then try again.`,
    details: { node, neededBytes, freeBytes, capacityBytes },
  });
}

function requireCanEnd(state: ClusterState, { entry, request, now }: PowerInput): void {
  const startPending = pendingRequest(entry)?.action === 'start';
  if (request.action === 'shutdown') requireStateNow(entry, ['running'], 'shut down');
  // A start that nobody has begun can be taken back, also while the owner is silent.
  else if (startPending && ['off', 'saved'].includes(vmState(entry))) return;
  else requireStateNow(entry, ['running', 'paused', 'starting', 'failed'], 'turned off');
  // Whoever brings the VMs of a fenced node back sees that this one is to be off.
  const isFenced = state.nodes.get(requireOwner(entry))?.membership?.value.state === 'fenced';
  if (request.action === 'turn-off' && isFenced) return;
  requireOwnerServing(state, entry, now);
}

const GUEST_ACTIONS = {
  pause: { allowed: ['running'], what: 'paused' },
  resume: { allowed: ['paused'], what: 'resumed' },
  reset: { allowed: ['running'], what: 'reset' },
  save: { allowed: ['running', 'paused'], what: 'saved' },
} as const;

function requireGuest(
  state: ClusterState,
  { entry, action, now }: { readonly entry: VmEntry; readonly action: keyof typeof GUEST_ACTIONS; readonly now: Now },
): void {
  const { allowed, what } = GUEST_ACTIONS[action];
  requireStateNow(entry, allowed, what);
  if (action === 'save' && entry.record.value.definition.disks.length === 0) {
    throw unsuitable(entry, `${nameOf(entry)} has no disk, so there is no place on a volume for its memory.`);
  }
  requireOwnerServing(state, entry, now);
}

/** The record with the request, if nothing about the VM has changed meanwhile. */
function changeOf(
  entry: VmEntry,
  request: VmRequest,
  more: { readonly compare: readonly Compare[]; readonly write: readonly Write[] },
): Change<string> {
  const vm = nameOf(entry);
  const key = keys.vmRecord(vm);
  const desired = request.action === 'shutdown' || request.action === 'turn-off' ? 'off' : 'running';
  const record: VmRecord = { ...entry.record.value, desired, request };
  return {
    transaction: {
      compare: [...comparesOfVm(entry), ...more.compare],
      write: [{ put: key, value: record }, ...more.write],
    },
    proof: { key, value: record },
    result: request.id,
  };
}
