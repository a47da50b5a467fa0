// Options of `vm set` that change the hardware, and of `vm create` for cloud-init.
import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { CloudInit, HardwareChange } from '../contract/vm-hardware.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import {
  countArgument,
  growthArgument,
  type NamedSize,
  namesArgument,
  sizeArgument,
  sizesArgument,
} from './arguments.ts';

export interface HardwareOptions {
  readonly memory?: number;
  readonly cpus?: number;
  readonly addDisk?: readonly number[];
  readonly growDisk?: readonly NamedSize[];
  readonly removeDisk?: readonly string[];
  readonly deleteDiskFile?: boolean;
  readonly addNic?: readonly string[];
  readonly removeNic?: readonly string[];
  readonly cdrom?: string;
  readonly eject?: boolean;
  readonly discardPending?: boolean;
}

export function addHardwareOptions(command: Command): Command {
  return command
    .option('--memory <size>', 'memory, e.g. 512M', sizeArgument)
    .option('--cpus <count>', 'virtual CPUs', countArgument)
    .option('--add-disk <size>', 'an empty disk, e.g. 8G; may be repeated', sizesArgument, [])
    .option('--grow-disk <disk=size>', 'e.g. disk0=20G; only while it is off; may be repeated', growthArgument)
    .option('--remove-disk <disk>', 'e.g. disk1; its file stays; may be repeated', namesArgument)
    .option('--delete-disk-file', 'delete the files of the removed disks too; only while it is off')
    .option('--add-nic <switch>', 'a NIC at this virtual switch; may be repeated', namesArgument)
    .option('--remove-nic <nic>', 'e.g. nic1; may be repeated', namesArgument)
    .addOption(new Option('--cdrom <image>', 'put an ISO into the CD drive').conflicts('eject'))
    .option('--eject', 'take the medium out of the CD drive')
    .option('--discard-pending', 'forget the hardware that waits for the next start');
}

/** Only what was given. */
export function hardwareOf(options: HardwareOptions): HardwareChange {
  const { memory, cpus, addDisk = [], growDisk, removeDisk, addNic, removeNic, cdrom } = options;
  return {
    ...(memory !== undefined && { memoryBytes: memory }),
    ...(cpus !== undefined && { cpus }),
    ...(addDisk.length > 0 && { addDisks: addDisk.map((sizeBytes) => ({ sizeBytes })) }),
    ...(growDisk !== undefined && { growDisks: growDisk.map(({ name: id, sizeBytes }) => ({ id, sizeBytes })) }),
    ...(removeDisk !== undefined && { removeDisks: [...removeDisk] }),
    ...(options.deleteDiskFile === true && { deleteDiskFiles: true }),
    ...(addNic !== undefined && { addNics: addNic.map((name) => ({ switch: name })) }),
    ...(removeNic !== undefined && { removeNics: [...removeNic] }),
    ...(options.eject === true ? { cdrom: null } : cdrom !== undefined && { cdrom }),
    ...(options.discardPending === true && { discardPending: true }),
  };
}

export interface CloudInitOptions {
  readonly hostname?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly sshKey?: readonly string[];
  readonly address?: string;
  readonly gateway?: string;
  readonly nameserver?: readonly string[];
}

export function addCloudInitOptions(command: Command): Command {
  return command
    .option('--hostname <name>', 'cloud-init: name of the guest; that of the VM by default')
    .option('--user <name>', 'cloud-init: a user who may become root')
    .option('--password-file <file>', 'cloud-init: file with the password in its first line; "-" for standard input')
    .option('--ssh-key <file>', 'cloud-init: file with a public key; may be repeated', namesArgument)
    .option(
      '--address <address>',
      'cloud-init: "dhcp", "auto" for the next free one of the cluster, or e.g. 10.0.0.5/24',
    )
    .option('--gateway <address>', 'cloud-init: default route')
    .option('--nameserver <address>', 'cloud-init: may be repeated', namesArgument);
}

/** Null: no option is about cloud-init. */
export async function cloudInitOf(options: CloudInitOptions): Promise<CloudInit | null> {
  const { hostname, user, passwordFile, sshKey, address, gateway, nameserver } = options;
  const given = [hostname, user, passwordFile, sshKey, address, gateway, nameserver];
  if (given.every((one) => one === undefined)) return null;
  const keys = await Promise.all((sshKey ?? []).map(readKeys));
  return {
    ...(hostname !== undefined && { hostname }),
    ...(user !== undefined && { user }),
    ...(passwordFile !== undefined && { password: await readPassword(passwordFile) }),
    ...(keys.length > 0 && { sshAuthorizedKeys: keys.flat() }),
    ...((address ?? gateway ?? nameserver) !== undefined && {
      network: {
        address: address ?? 'auto',
        ...(gateway !== undefined && { gateway }),
        ...(nameserver !== undefined && { nameservers: [...nameserver] }),
      },
    }),
  };
}

async function readKeys(file: string): Promise<string[]> {
  const lines = (await readText(file)).split(/\r?\n/).map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

async function readPassword(file: string): Promise<string> {
  const text = await readText(file === '-' ? '/dev/stdin' : file);
  return text.split(/\r?\n/)[0] ?? '';
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new GodwitError({
      code: 'INVALID_INPUT',
      message: `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
      state: NOTHING_CHANGED,
      nextStep: 'Give the path of a file on this machine.',
    });
  }
}
