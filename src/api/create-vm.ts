import type { FastifyInstance } from 'fastify';
import { createVm } from '../contract/vms.ts';
import { isoDate } from '../migration/write-receipt.ts';
import type { VmAvailability } from '../model/availability.ts';
import type { ClusterState } from '../model/cluster-state.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { keys } from '../model/keys.ts';
import type { NodeName } from '../model/names.ts';
import type { VmCdrom, VmDefinition, VmRecord, VmStatus } from '../model/vm.ts';
import { chooseMachine } from '../placement/machine-choice.ts';
import type { Transaction } from '../ports/store.ts';
import { chooseOwner, nodesForPlacement } from './candidates.ts';
import { seedFiles, type ToldByCloudInit, withHashedPassword } from './cloud-init.ts';
import { type Change, commitChange } from './commit.ts';
import type { ApiContext } from './context.ts';
import { freeGuestAddress } from './guest-address.ts';
import { findImage, type FoundImage } from './guest-image.ts';
import { newMacAddress, usedMacAddresses } from './mac-addresses.ts';
import { directoryOfVm, makeDisks, planDisks, removeMadeDisks } from './new-vm-disks.ts';
import { invalid } from './invalid-input.ts';
import { checkNewVm, type NewVmRequest } from './new-vm-request.ts';
import { existingVms, findVm, readForDecision, requireVm } from './read-state.ts';
import { answer, serve } from './resource.ts';
import { shownNow, vmView } from './views.ts';
import { withSettings } from './vm-settings.ts';

export function serveCreateVm(app: FastifyInstance, context: ApiContext): void {
  serve(app, createVm, async ({ body }) => {
    const request = checkNewVm(body, context.config);
    await create(context, request);
    const shown = shownNow(context.reader);
    // Read again for the rare case that this node's view has not caught up within its second.
    const state = findVm(shown.state, request.name) ? shown.state : await readForDecision(context, request.name);
    return answer(201, vmView({ ...shown, state }, requireVm(state, request.name)));
  });
}

/** Everything that is refused is refused before the first disk is made; what fails later takes its disks with it. */
async function create(context: ApiContext, request: NewVmRequest): Promise<void> {
  const identity = await newIdentity(context, request);
  let disksMade = false;
  try {
    await commitChange(context, async () => {
      const { change, definition } = await decide(context, request, identity);
      if (!disksMade) {
        disksMade = true;
        await makeDisks(context, identity.image, identity.disks);
      }
      // The address in it may be another one when the rest is decided anew.
      if (identity.seed !== null)
        await context.seeds.make(identity.seed.path, seedFiles(identity.seed.told, definition));
      return change;
    });
  } catch (error) {
    // If the outcome is unknown the VM may exist, and then it needs them.
    const mayExist = error instanceof GodwitError && error.code === 'STORE_OUTCOME_UNKNOWN';
    if (disksMade && !mayExist) {
      if (identity.seed !== null) await context.seeds.remove(identity.seed.path);
      await removeMadeDisks(context, identity.disks);
    }
    throw error;
  }
}

/** What stays the same however often the rest is decided anew. */
type Identity = Pick<VmDefinition, 'uuid' | 'disks'> & {
  readonly macAddress: string;
  readonly createdAt: string;
  readonly image: FoundImage;
  /** Null: no cloud-init. */
  readonly seed: { readonly path: string; readonly told: ToldByCloudInit } | null;
};

async function newIdentity(context: ApiContext, request: NewVmRequest): Promise<Identity> {
  const state = await readForDecision(context, request.name);
  refuseExisting(state, request);
  const uuid = context.ids.uuid();
  const macAddress = newMacAddress(context, usedMacAddresses(context.reader.current()));
  const directory = directoryOfVm(context, request.name, uuid);
  const image = await findImage(context, request.image);
  const disks = planDisks(request, image, directory);
  const told = request.cloudInit === null ? null : await withHashedPassword(context.seeds, request.cloudInit);
  const seed = told === null ? null : { path: `${directory}/seed.iso`, told };
  return { uuid, macAddress, disks, image, seed, createdAt: isoDate(context.clock.wallMs()) };
}

function refuseExisting(state: ClusterState, { name }: NewVmRequest): void {
  if (findVm(state, name) === undefined) return;
  throw new GodwitError({
    code: 'VM_EXISTS',
    message: `There is already a VM called "${name}".`,
    state: NOTHING_CHANGED,
    nextStep: `Choose another name, or delete it first with \`godwit vm delete ${name}\`.`,
  });
}

interface Decided {
  readonly change: Change<null>;
  readonly definition: VmDefinition;
}

async function decide(context: ApiContext, request: NewVmRequest, identity: Identity): Promise<Decided> {
  const state = await readForDecision(context, request.name);
  refuseExisting(state, request);
  const address = await chooseAddress(context, state, request);
  const definition = define(context, { state, request, identity, address });
  const { switchName } = request;
  const nodes = nodesForPlacement({ state, now: context.reader.now() });
  if (!nodes.some((node) => node.facts.switches.includes(switchName))) {
    const known = [...new Set(nodes.flatMap((node) => node.facts.switches))].join(', ');
    throw invalid(`There is no virtual switch "${switchName}".`, `Use one of these: ${known}.`);
  }
  const availability = withSettings(undefined, request.settings, state);
  const owner = chooseOwner(nodes, definition, availability);
  const change = changeOf(state, { request, identity, definition, availability, owner: owner.node, why: owner.reason });
  return { change, definition };
}

/** Null: the guest finds its own. */
async function chooseAddress(context: ApiContext, state: ClusterState, request: NewVmRequest): Promise<string | null> {
  const asked = request.cloudInit?.network?.address ?? 'dhcp';
  if (request.image.kind !== 'lab' && asked === 'dhcp') return null;
  const taken = await takenAddresses(context, state);
  if (request.image.kind === 'lab' || asked === 'auto') return freeGuestAddress(context.config.guestAddresses, taken);
  if (!taken.has(asked.split('/')[0] ?? '')) return asked;
  throw invalid(`The address ${asked} is that of another VM.`, 'Give another one, or "auto".');
}

/** Those that a VM or the store's list of addresses has. */
async function takenAddresses(context: ApiContext, state: ClusterState): Promise<Set<string>> {
  const listed = await context.store.list(keys.guestAddress(''));
  const taken = [
    ...listed.map((entry) => entry.key.slice(keys.guestAddress('').length)),
    ...allNics(state).flatMap((nic) => nic.address?.split('/')[0] ?? []),
  ];
  return new Set(taken);
}

function allNics(state: ClusterState): VmDefinition['nics'] {
  return existingVms(state).flatMap((entry) => entry.record.value.definition.nics);
}

interface DefinitionInput {
  readonly state: ClusterState;
  readonly request: NewVmRequest;
  readonly identity: Identity;
  readonly address: string | null;
}

function noNodeUp(nodes: ReturnType<typeof nodesForPlacement>): GodwitError {
  const states = nodes.map((node) => `${node.facts.name} is ${node.state}`).join(', ');
  return new GodwitError({
    code: 'PLACEMENT_NOT_POSSIBLE',
    message: `No node takes VMs now: ${states}.`,
    state: NOTHING_CHANGED,
    nextStep: 'Let one take VMs again with `godwit node resume NODE`, or bring one back.',
  });
}

function define(context: ApiContext, { state, request, identity, address }: DefinitionInput): VmDefinition {
  const { name, memoryBytes, cpus, image, switchName } = request;
  const nodes = nodesForPlacement({ state, now: context.reader.now() }).filter(({ facts }) => facts.role === 'node');
  const up = nodes.filter((node) => node.state === 'up').map((node) => node.facts);
  if (up.length === 0) throw noNodeUp(nodes);
  const machine = chooseMachine(up);
  if (machine.kind === 'none') {
    throw new GodwitError({
      code: 'PLACEMENT_NOT_POSSIBLE',
      message: `There is no machine that every node that is up could run: ${machine.reasons.join(' ')}`,
      state: NOTHING_CHANGED,
      nextStep: 'See `godwit node list --json` for what each node has.',
      details: { reasons: machine.reasons },
    });
  }
  const { machineType, cpuModel, accelerator } = machine;
  return {
    // Under TCG it would cost the guest its network for up to a second of each migration (docs/decisions/0012).
    freePageHinting: request.freePageHinting ?? accelerator === 'kvm',
    ...(request.graphics && { graphics: 'vga' as const }),
    ...{ name, uuid: identity.uuid, memoryBytes, cpus, machineType, cpuModel, accelerator, disks: identity.disks },
    boot: image.kind === 'lab' ? labBoot(image.lab, name, address) : { kind: 'disk' },
    nics: [{ id: 'nic0', macAddress: identity.macAddress, switchName, address }],
    ...cdromsOf(identity),
  };
}

function cdromsOf({ image, seed }: Identity): Pick<VmDefinition, 'cdroms'> {
  const cdroms: VmCdrom[] = [];
  if (image.kind === 'medium') cdroms.push({ id: 'cd0', path: image.file });
  if (seed !== null) cdroms.push({ id: 'seed', path: seed.path });
  return cdroms.length === 0 ? {} : { cdroms };
}

function labBoot(
  lab: { readonly kernel: string; readonly initrd: string; readonly commandLine: string },
  name: string,
  address: string | null,
): VmDefinition['boot'] {
  const words = [lab.commandLine, `godwit.name=${name}`, ...(address === null ? [] : [`godwit.address=${address}`])];
  return { kind: 'kernel', kernel: lab.kernel, initrd: lab.initrd, commandLine: words.join(' ') };
}

interface ChangeInput {
  readonly request: NewVmRequest;
  readonly identity: Identity;
  readonly definition: VmDefinition;
  readonly availability: VmAvailability;
  readonly owner: NodeName;
  readonly why: string;
}

function changeOf(state: ClusterState, input: ChangeInput): Change<null> {
  const { request, identity, definition, availability, owner, why } = input;
  const { name, highlyAvailable, automaticStart, budgetMs, budgetMaxMs } = request;
  const { createdAt } = identity;
  const record: VmRecord = {
    ...{ definition, desired: 'off', highlyAvailable, automaticStart, availability, budgetMs, createdAt },
    ...(budgetMaxMs !== null && { budgetMaxMs }),
    request: null,
  };
  const status: VmStatus = {
    ...{ state: 'off', node: owner, instance: null, since: createdAt, settledRequest: null, error: null },
    reason: `Created; ${why}`,
  };
  const addressKeys = definition.nics.flatMap((nic) => {
    const address = nic.address?.split('/')[0];
    return address === undefined ? [] : [keys.guestAddress(address)];
  });
  const remains = state.vms.get(name);
  const transaction: Transaction = {
    compare: [
      { key: keys.vmRecord(name), modRevision: '0' },
      // A late write about a deleted VM of that name may be there; it is replaced.
      { key: keys.vmOwner(name), modRevision: remains?.owner?.modRevision ?? '0' },
      { key: keys.vmStatus(name), modRevision: remains?.status?.modRevision ?? '0' },
      { key: keys.vmIntent(name), modRevision: '0' },
      ...addressKeys.map((key) => ({ key, modRevision: '0' })),
    ],
    write: [
      { put: keys.vmRecord(name), value: record },
      { put: keys.vmOwner(name), value: { node: owner } },
      { put: keys.vmStatus(name), value: status },
      ...addressKeys.map((key) => ({ put: key, value: name })),
    ],
  };
  return { transaction, proof: { key: keys.vmRecord(name), value: record }, result: null };
}
