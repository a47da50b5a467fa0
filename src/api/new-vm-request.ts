// What may be asked of a new VM: pure checks of the request, before anything is looked at or made.
import type { VmSettings } from '../contract/availability.ts';
import type { CreateVmBody } from '../contract/vms.ts';
import type { CloudInit } from '../contract/vm-hardware.ts';
import type { AgentConfig } from '../model/agent-config.ts';
import { parseName, type VmName } from '../model/names.ts';
import { formatBytes, MEBIBYTE } from '../model/units.ts';
import { checkCloudInit } from './cloud-init.ts';
import type { GuestImage } from './guest-image.ts';
import { invalid } from './invalid-input.ts';

const MEMORY_MIN_BYTES = 16 * MEBIBYTE;
const CPUS_MAX = 64;
const DISKS_MAX = 8;
const DISK_SECTOR_BYTES = 512;
const DEFAULT_BUDGET_MS = 50;

/** A request that has passed every check that needs no look at the cluster; defaults filled in. */
export interface NewVmRequest {
  readonly name: VmName;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly image: GuestImage;
  /** Sizes of the disks to create empty, in bytes. They come after the disk made of an image. */
  readonly emptyDisks: readonly number[];
  /** Least size of the disk made of an image, in bytes; null: the image's own. */
  readonly imageDiskBytes: number | null;
  readonly cloudInit: CloudInit | null;
  readonly switchName: string;
  /** Null: as the accelerator has it. */
  readonly freePageHinting: boolean | null;
  readonly graphics: boolean;
  readonly highlyAvailable: boolean;
  readonly automaticStart: boolean;
  readonly budgetMs: number;
  /** Null: the budget is never widened. */
  readonly budgetMaxMs: number | null;
  /** Checked against the cluster's nodes when the VM is made. */
  readonly settings: VmSettings;
}

/** Throws NAME_MALFORMED or INVALID_INPUT. */
export function checkNewVm(body: CreateVmBody, config: AgentConfig): NewVmRequest {
  const name = parseName('VM', body.name);
  const cpus = body.cpus ?? 1;
  const { budgetMs = DEFAULT_BUDGET_MS, budgetMaxMs = null } = body;
  checkMemory(body.memoryBytes);
  checkCpus(cpus);
  checkBudgets({ budgetMs, budgetMaxMs });
  const image = checkImage(body.image, config);
  const asked = (body.disks ?? []).map((disk) => disk.sizeBytes);
  checkDisks(asked);
  checkDiskSizes(body.imageDiskBytes === undefined ? [] : [body.imageDiskBytes]);
  const switchName = body.switch ?? config.switches[0]?.name;
  if (switchName === undefined) throw invalid('This node has no virtual switch.', 'Name one with --switch.');
  return {
    ...{ name, memoryBytes: body.memoryBytes, cpus, image, switchName, budgetMs },
    ...{ emptyDisks: asked, imageDiskBytes: body.imageDiskBytes ?? null, budgetMaxMs },
    cloudInit: body.cloudInit === undefined ? null : checkCloudInit(body.cloudInit, { image, config }),
    freePageHinting: body.freePageHinting ?? null,
    graphics: body.graphics ?? true,
    highlyAvailable: body.highlyAvailable ?? true,
    automaticStart: body.automaticStart ?? true,
    settings: settingsOf(body),
  };
}

function settingsOf({ priority, preferredOwners, possibleOwners, antiAffinity, failback, restart }: CreateVmBody) {
  return {
    ...(priority !== undefined && { priority }),
    ...(preferredOwners !== undefined && { preferredOwners }),
    ...(possibleOwners !== undefined && { possibleOwners }),
    ...(antiAffinity !== undefined && { antiAffinity }),
    ...(failback !== undefined && { failback }),
    ...(restart !== undefined && { restart }),
  };
}

/** Throws INVALID_INPUT. */
export function checkCpus(cpus: number): void {
  if (cpus < 1 || cpus > CPUS_MAX) throw invalid(`A VM cannot have ${cpus} CPUs.`, `Ask for 1 to ${CPUS_MAX} CPUs.`);
}

/** Throws INVALID_INPUT. */
export function checkMemory(memoryBytes: number): void {
  if (memoryBytes >= MEMORY_MIN_BYTES && memoryBytes % MEBIBYTE === 0) return;
  const message = `A VM cannot have ${formatBytes(memoryBytes)} (${memoryBytes} bytes) of memory.`;
  throw invalid(message, `Ask for at least ${formatBytes(MEMORY_MIN_BYTES)}, in whole MiB.`);
}

/** A guest that stands still for a minute is not migrated live any more, in milliseconds. */
const BUDGET_MS_MAX = 60_000;

/** Throws INVALID_INPUT unless it can be a budget. */
export function checkBudget(budgetMs: number): void {
  if (budgetMs > 0 && budgetMs <= BUDGET_MS_MAX) return;
  throw invalid(
    `A budget of ${budgetMs} ms is not possible.`,
    `Give a budget above 0 and of at most ${BUDGET_MS_MAX} ms.`,
  );
}

/** A VM's budget, and to what it may be widened: null if never. Throws INVALID_INPUT unless it can have both together. */
export function checkBudgets(budgets: { readonly budgetMs: number; readonly budgetMaxMs: number | null }): void {
  const { budgetMs, budgetMaxMs } = budgets;
  checkBudget(budgetMs);
  if (budgetMaxMs === null) return;
  checkBudget(budgetMaxMs);
  if (budgetMaxMs >= budgetMs) return;
  throw invalid(
    `A budget of ${budgetMs} ms is above the ${budgetMaxMs} ms to which it may be widened at most.`,
    `Give at least ${budgetMs} ms as that maximum, none at all so that it is never widened, or a budget of at most ${budgetMaxMs} ms.`,
  );
}

function checkImage(image: string | undefined, config: AgentConfig): GuestImage {
  if (image === undefined) return config.labImage === null ? { kind: 'empty' } : { kind: 'lab', lab: config.labImage };
  if (image === 'lab') {
    if (config.labImage !== null) return { kind: 'lab', lab: config.labImage };
    throw invalid('This cluster has no lab image.', 'Give the name of an image; `godwit image list` shows them.');
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(image)) {
    throw invalid(
      'A VM is not made of a URL.',
      'Let the cluster download it first with `godwit image fetch URL`, and give the name it has then.',
    );
  }
  if (image.startsWith('/') && !image.includes('\0')) return { kind: 'file', file: image };
  if (!image.includes('/') && image !== '') return { kind: 'named', name: image };
  throw invalid(`"${image}" is no image.`, 'Give "lab", the name of an image, or an absolute path on the nodes.');
}

function checkDisks(sizes: readonly number[]): void {
  if (sizes.length > DISKS_MAX)
    throw invalid(`${sizes.length} disks are too many.`, `Ask for at most ${DISKS_MAX} disks.`);
  checkDiskSizes(sizes);
}

/** Throws INVALID_INPUT. */
export function checkDiskSizes(sizes: readonly number[]): void {
  for (const sizeBytes of sizes) {
    if (sizeBytes >= MEBIBYTE && sizeBytes % DISK_SECTOR_BYTES === 0) continue;
    const nextStep = `Ask for at least 1 MiB, in multiples of ${DISK_SECTOR_BYTES} bytes.`;
    throw invalid(`A disk cannot have ${formatBytes(sizeBytes)} (${sizeBytes} bytes).`, nextStep);
  }
}
