import type { ChangeVmBody, VmView } from '../../../src/contract/vms.ts';

const MEBIBYTE = 1024 ** 2;
const GIBIBYTE = 1024 ** 3;

/** Settings as they are being edited. */
export interface Hardware {
  readonly memoryMib: number;
  readonly cpus: number;
  readonly budgetMs: number;
  /** Ids. */
  readonly removeDisks: readonly string[];
  readonly newDisksGib: readonly number[];
  /** Ids. */
  readonly removeNics: readonly string[];
  /** Names of virtual switches. */
  readonly newNics: readonly string[];
  /** Name or path of the medium; null: empty. */
  readonly cdrom: string | null;
}

/** From when on changed hardware holds; `booted`: from the next start without the saved memory. */
export function hardwareHolds({ state, saved }: Pick<VmView, 'state' | 'saved'>): 'now' | 'later' | 'booted' {
  // What is in the memory fits only the hardware that it was saved under.
  if (saved !== null) return 'booted';
  return state === 'off' || state === 'failed' ? 'now' : 'later';
}

/** As it will be after the next start: what waits already counts. */
export function hardwareOf(vm: VmView): Hardware {
  const { memoryBytes, cpus, cdroms } = vm.pending ?? vm;
  return {
    memoryMib: Math.round(memoryBytes / MEBIBYTE),
    cpus,
    budgetMs: vm.budgetMs,
    removeDisks: [],
    newDisksGib: [],
    removeNics: [],
    newNics: [],
    cdrom: cdroms.find(({ id }) => id === 'cd0')?.path ?? null,
  };
}

/** Only what is different. */
export function changesOf(vm: VmView, draft: Hardware): ChangeVmBody {
  const before = hardwareOf(vm);
  return {
    ...(draft.memoryMib !== before.memoryMib && { memoryBytes: draft.memoryMib * MEBIBYTE }),
    ...(draft.cpus !== before.cpus && { cpus: draft.cpus }),
    ...(draft.budgetMs !== before.budgetMs && { budgetMs: draft.budgetMs }),
    ...(draft.removeDisks.length > 0 && { removeDisks: draft.removeDisks }),
    ...(draft.newDisksGib.length > 0 && { addDisks: draft.newDisksGib.map((gib) => ({ sizeBytes: gib * GIBIBYTE })) }),
    ...(draft.removeNics.length > 0 && { removeNics: draft.removeNics }),
    ...(draft.newNics.length > 0 && { addNics: draft.newNics.map((name) => ({ switch: name })) }),
    ...(draft.cdrom !== before.cdrom && { cdrom: draft.cdrom }),
  };
}
