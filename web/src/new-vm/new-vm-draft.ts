import type { CreateVmBody } from '../../../src/contract/vms.ts';

const MEBIBYTE = 1024 ** 2;
const GIBIBYTE = 1024 ** 3;

/** Where the first disk or the installation comes from. */
export type Source = 'lab' | 'library' | 'upload' | 'url' | 'empty';

/** What has been entered so far. */
export interface NewVm {
  readonly name: string;
  readonly source: Source;
  /** Name of an image of the library; '' until one is chosen. */
  readonly image: string;
  readonly imageIsIso: boolean;
  readonly url: string;
  readonly file: File | null;
  readonly memoryMib: number;
  readonly cpus: number;
  readonly diskGib: number;
  /** '': the node's first one. */
  readonly switchName: string;
  readonly highlyAvailable: boolean;
  readonly automaticStart: boolean;
  readonly priority: 'high' | 'medium' | 'low';
  readonly budgetMs: number;
  /** Whether the guest has cloud-init and is told something. */
  readonly cloudInit: boolean;
  readonly user: string;
  readonly password: string;
  readonly sshKeys: string;
  /** "dhcp", "auto", or an address with prefix length. */
  readonly address: string;
  readonly startNow: boolean;
}

export const NEW_VM: NewVm = {
  ...{ name: '', source: 'library', image: '', imageIsIso: false, url: '', file: null },
  ...{ memoryMib: 1024, cpus: 1, diskGib: 8, switchName: '' },
  ...{ highlyAvailable: true, automaticStart: true, priority: 'medium', budgetMs: 50 },
  ...{ cloudInit: false, user: 'admin', password: '', sshKeys: '', address: 'auto', startNow: true },
};

/** Names of VMs: letters, digits and hyphens, at most 63, beginning with a letter or digit. */
const NAME = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

export type Lack = 'name' | 'nameForm' | 'nameTaken' | 'image' | 'url' | 'file' | 'credentials';

/** What is still missing; null: it can be created. The cluster itself checks everything once more. */
export function lackOf(vm: NewVm, taken: ReadonlySet<string>): Lack | null {
  if (vm.name === '') return 'name';
  if (!NAME.test(vm.name)) return 'nameForm';
  if (taken.has(vm.name)) return 'nameTaken';
  if (vm.source === 'library' && vm.image === '') return 'image';
  if (vm.source === 'url' && !/^https?:\/\/[^/]+\/.*[^/]$/.test(vm.url)) return 'url';
  if (vm.source === 'upload' && vm.file === null) return 'file';
  if (usesCloudInit(vm) && vm.password === '' && vm.sshKeys.trim() === '') return 'credentials';
  return null;
}

/** The name that an uploaded or downloaded image has in the library. */
export function imageNameOf({ source, url, file, image }: NewVm): string {
  if (source === 'upload') return safeName(file?.name ?? '');
  if (source === 'url') return safeName(decodeURIComponent(url.split(/[?#]/)[0]?.split('/').at(-1) ?? ''));
  return image;
}

function safeName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]/g, '-').replace(/^[.-]+/, '');
}

/** An installation medium has no cloud-init yet, and an empty disk none at all. */
export function usesCloudInit({ cloudInit, source, imageIsIso }: NewVm): boolean {
  return cloudInit && source !== 'empty' && source !== 'lab' && !imageIsIso;
}

/** `image`: as the library names it; null for an empty disk. */
export function requestOf(vm: NewVm, image: string | null): CreateVmBody {
  const needsDisk = vm.source === 'lab' || vm.source === 'empty' || vm.imageIsIso;
  const keys = vm.sshKeys
    .split('\n')
    .map((key) => key.trim())
    .filter((key) => key !== '');
  return {
    name: vm.name,
    memoryBytes: vm.memoryMib * MEBIBYTE,
    cpus: vm.cpus,
    ...(image !== null && { image }),
    ...(needsDisk && { disks: [{ sizeBytes: vm.diskGib * GIBIBYTE }] }),
    ...(vm.switchName !== '' && { switch: vm.switchName }),
    highlyAvailable: vm.highlyAvailable,
    automaticStart: vm.automaticStart,
    priority: vm.priority,
    budgetMs: vm.budgetMs,
    ...(usesCloudInit(vm) && {
      cloudInit: {
        user: vm.user,
        ...(vm.password !== '' && { password: vm.password }),
        ...(keys.length > 0 && { sshAuthorizedKeys: keys }),
        network: { address: vm.address },
      },
    }),
  };
}
