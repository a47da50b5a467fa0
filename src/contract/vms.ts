import { type Static, Type } from 'typebox';
import { VM_ACTIONS, VM_STATES } from '../model/vm.ts';
import { vmAvailabilitySchema, vmSettings } from './availability.ts';
import { phaseSchema } from './receipt.ts';
import { route } from './route.ts';
import { bytes, exact, isoTime, list, ms, nameParams, nullable, oneOf } from './shapes.ts';
import { cloudInitSchema, deviceSchemas, hardwareChange, pendingHardwareSchema } from './vm-hardware.ts';

/** A VM as shown to the user. */
export const vmViewSchema = exact({
  name: Type.String(),
  uuid: Type.String(),
  state: oneOf(VM_STATES),
  /** Why it is in this state; null before its owner has said anything. */
  reason: nullable(Type.String()),
  /** Since when it is in the state its owner reported. */
  since: nullable(isoTime),
  /** Node that may run it. */
  owner: nullable(Type.String()),
  /** Addresses handed to the guest, without prefix length. */
  addresses: list(Type.String()),
  memoryBytes: bytes,
  cpus: Type.Integer(),
  /** 100: all of its virtual CPUs are busy. Null while it is not measured, and always in the live channel: see `load` there. */
  cpuPercent: nullable(Type.Number()),
  automaticStart: Type.Boolean(),
  highlyAvailable: Type.Boolean(),
  /** How it is brought back, and where it may and should be. */
  availability: vmAvailabilitySchema,
  /** Longest blackout the user allows. */
  budgetMs: ms,
  /** To which a migration may widen the budget if the guest does not converge otherwise; null: never. */
  budgetMaxMs: nullable(ms),
  machineType: Type.String(),
  cpuModel: Type.String(),
  accelerator: oneOf(['kvm', 'tcg']),
  /** Whether the guest says during a migration which of its memory is free. */
  freePageHinting: Type.Boolean(),
  /** Whether it has a graphics card, and with it a graphical console. */
  graphics: Type.Boolean(),
  ...deviceSchemas,
  /** Hardware that it gets when it is started the next time from off; null: it has all that was asked for. */
  pending: nullable(pendingHardwareSchema),
  /** The guest's memory in a file, from which its next start goes on; null: there is none. */
  saved: nullable(exact({ savedAt: Type.String(), sizeBytes: Type.Integer() })),
  createdAt: isoTime,
  /** The newest request to change the power state; done with once `settledRequest` has its id. */
  request: nullable(exact({ id: Type.String(), action: oneOf(VM_ACTIONS) })),
  settledRequest: nullable(Type.String()),
  /** Why the settled request failed. */
  error: nullable(exact({ code: Type.String(), message: Type.String(), nextStep: Type.String() })),
  /** The open migration. */
  migration: nullable(exact({ id: Type.String(), phase: phaseSchema })),
});
export type VmView = Static<typeof vmViewSchema>;

export const listVms = route({
  method: 'GET',
  path: '/vms',
  summary: 'All VMs, by name.',
  response: { 200: list(vmViewSchema) },
});

export const getVm = route({
  method: 'GET',
  path: '/vms/:name',
  summary: 'One VM.',
  params: nameParams,
  response: { 200: vmViewSchema },
});

export const createVm = route({
  method: 'POST',
  path: '/vms',
  summary: 'Creates a VM; it is off.',
  body: exact({
    name: Type.String(),
    /** At least 16 MiB, whole MiB. */
    memoryBytes: Type.Integer(),
    /** 1 to 64; 1 by default. */
    cpus: Type.Optional(Type.Integer()),
    /**
     * "lab", the name of an image of the cluster (`GET /images`), or the absolute path of an image on the nodes; by default "lab" where there
     * is one, else an empty disk. A qcow2 or raw image becomes the first disk; an ISO is put into a CD drive beside an empty disk.
     */
    image: Type.Optional(Type.String()),
    /** Further disks; with "lab", an ISO or no image the first one is the VM's first disk (1 GiB if none is given). */
    disks: Type.Optional(list(exact({ sizeBytes: Type.Integer() }))),
    /** Size of the disk made of an image; by default the image's own, and never less. */
    imageDiskBytes: Type.Optional(Type.Integer()),
    /** Virtual switch; by default the node's first one. */
    switch: Type.Optional(Type.String()),
    /** What a guest with cloud-init is told at its first boot; not with the image "lab". */
    cloudInit: Type.Optional(cloudInitSchema),
    /** Whether the guest says during a migration which of its memory is free; true by default under KVM, false under TCG. */
    freePageHinting: Type.Optional(Type.Boolean()),
    /** Whether it has a graphics card; true by default. */
    graphics: Type.Optional(Type.Boolean()),
    /** true by default. */
    highlyAvailable: Type.Optional(Type.Boolean()),
    /** true by default. */
    automaticStart: Type.Optional(Type.Boolean()),
    /** > 0; 50 by default. */
    budgetMs: Type.Optional(Type.Number()),
    /** At least the budget: to which a migration may widen it if the guest does not converge otherwise; null, the default: never. */
    budgetMaxMs: Type.Optional(nullable(Type.Number())),
    ...vmSettings,
  }),
  response: { 201: vmViewSchema },
});
export type CreateVmBody = Static<(typeof createVm)['body']>;

export const changeVm = route({
  method: 'PATCH',
  path: '/vms/:name',
  summary:
    'Changes settings of a VM, also while it runs; what is left out stays as it is. Hardware of a VM that is not off changes when it is started the next time from off: see `pending`.',
  params: nameParams,
  body: exact({
    highlyAvailable: Type.Optional(Type.Boolean()),
    automaticStart: Type.Optional(Type.Boolean()),
    /** > 0, at most `budgetMaxMs` where that is set; holds for the next migration. */
    budgetMs: Type.Optional(Type.Number()),
    /** At least the budget: to which a migration may widen it if the guest does not converge otherwise; null: never. */
    budgetMaxMs: Type.Optional(nullable(Type.Number())),
    ...vmSettings,
    ...hardwareChange,
  }),
  response: { 200: vmViewSchema },
});
export type ChangeVmBody = Static<(typeof changeVm)['body']>;

export const deleteVm = route({
  method: 'DELETE',
  path: '/vms/:name',
  summary: 'Deletes a VM that is off or saved, with its saved memory. Its disks stay unless asked otherwise.',
  params: nameParams,
  query: exact({ deleteDisks: Type.Optional(Type.Boolean()) }),
  response: {
    200: exact({
      name: Type.String(),
      /** What became of its disks; `reason` says why one that should have gone is still there. */
      disks: list(exact({ path: Type.String(), deleted: Type.Boolean(), reason: nullable(Type.String()) })),
    }),
  },
});
export type DeletedVm = Static<(typeof deleteVm)['response'][200]>;

const requestTaken = exact({
  /** The VM's `settledRequest` takes this value when it is done. */
  requestId: Type.String(),
});

export const startVm = route({
  method: 'POST',
  path: '/vms/:name/start',
  summary: 'Starts a VM that is off; a saved one goes on where it stood.',
  params: nameParams,
  response: { 202: requestTaken },
});

export const shutDownVm = route({
  method: 'POST',
  path: '/vms/:name/shutdown',
  summary: 'Asks the guest to shut down.',
  params: nameParams,
  response: { 202: requestTaken },
});

export const turnOffVm = route({
  method: 'POST',
  path: '/vms/:name/turn-off',
  summary: 'Turns a VM off as if its plug were pulled.',
  params: nameParams,
  response: { 202: requestTaken },
});

export const pauseVm = route({
  method: 'POST',
  path: '/vms/:name/pause',
  summary: 'Stops a running guest where it is; it keeps its memory and stands still until it is resumed.',
  params: nameParams,
  response: { 202: requestTaken },
});

export const resumeVm = route({
  method: 'POST',
  path: '/vms/:name/resume',
  summary: 'Lets a paused guest go on.',
  params: nameParams,
  response: { 202: requestTaken },
});

export const resetVm = route({
  method: 'POST',
  path: '/vms/:name/reset',
  summary: 'Resets a running guest as if its reset button were pressed; it boots anew with the same hardware.',
  params: nameParams,
  response: { 202: requestTaken },
});

export const saveVm = route({
  method: 'POST',
  path: '/vms/:name/save',
  summary: 'Stops a guest, writes its memory beside its disks and turns it off; its next start goes on where it stood.',
  params: nameParams,
  response: { 202: requestTaken },
});

export const discardSavedMemory = route({
  method: 'DELETE',
  path: '/vms/:name/saved-memory',
  summary: 'Deletes the saved memory of a guest: its next start boots it anew, as after a power loss.',
  params: nameParams,
  response: { 200: vmViewSchema },
});
