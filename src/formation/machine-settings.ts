/** What a node's configuration takes from its machine: as told by the administrator, else as found. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { hostname, networkInterfaces, totalmem } from 'node:os';
import { parse } from 'yaml';
import type { MachineSettings } from '../model/agent-config.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { NodeRole } from '../model/node.ts';

/** What the administrator said; everything else is found out. */
export interface MachineWishes {
  readonly role: NodeRole;
  readonly addresses: readonly string[];
  /** File with any of {@link MachineSettings}, JSON or YAML. */
  readonly optionsFile: string | undefined;
}

type PartialSettings = { readonly [K in keyof MachineSettings]?: unknown };

const ETCD_PLACES = ['/var/cache/godwit/etcd/usr/bin/etcd', '/usr/bin/etcd', '/usr/local/bin/etcd'];
const MEBIBYTE = 1024 ** 2;
/** Devices of containers, guests and tunnels: their addresses lead nowhere else. */
const INNER_DEVICE = /^(docker|virbr|veth|tap|tun|vnet|br-|cni|flannel|vxlan)/;

/** The name of this machine as its kernel knows it, without the domain. */
export function machineName(): string {
  return hostname().split('.')[0] ?? '';
}

/** Not checked here: the configuration as a whole is. Throws REQUIREMENT_MISSING, or INVALID_INPUT for the options file. */
export function machineSettings(wishes: MachineWishes): Record<string, unknown> {
  const told = wishes.optionsFile === undefined ? {} : readOptions(wishes.optionsFile);
  const toldAddresses = wishes.addresses.length > 0 ? wishes.addresses : (told.addresses as string[] | undefined);
  const addresses = toldAddresses ?? ownAddresses();
  const apiPort = ((told.api as { port?: number } | undefined)?.port ?? 8440) as number;
  const isNode = wishes.role === 'node';
  const found: MachineSettings = {
    addresses,
    api: { port: apiPort, url: `https://${hostInUrl(addresses.at(-1) ?? '')}:${apiPort}` },
    peerPort: 8441,
    store: { clientPort: 2379, peerPort: 2380, etcdBinary: ETCD_PLACES.find((path) => existsSync(path)) ?? null },
    stateDirectory: '/var/lib/godwit/agent',
    runtimeDirectory: '/run/godwit',
    logDirectory: '/var/log/godwit',
    volumes: [],
    switches: isNode ? bridges().map((bridge) => ({ name: bridge, bridge })) : [],
    vmMemoryBytes: isNode ? memoryForVms(totalmem()) : 0,
    qemu: { binary: '/usr/bin/qemu-system-x86_64', user: qemuUser(), accelerator: 'auto' },
    migration: { tls: true, bandwidthBytesPerSecond: null, network: null },
    guard: isNode ? guardOfMachine() : null,
    labImage: null,
    guestAddresses: null,
  };
  const settings = { ...merged(found, told), addresses };
  if (settings.store.etcdBinary === null) {
    throw missing(
      `None of ${ETCD_PLACES.join(', ')} is there: the cluster's database is etcd.`,
      'Install it (Debian: apt-get install etcd-server), or name it with "store": {"etcdBinary": "/path"} in --options FILE.',
    );
  }
  return settings;
}

/** Groups are filled up field by field, lists and all else are taken as told. */
function merged(found: MachineSettings, told: PartialSettings): MachineSettings {
  const groups = ['api', 'store', 'qemu', 'migration'] as const;
  const parts = groups.map((group) => [group, { ...found[group], ...(told[group] as object | undefined) }]);
  return { ...found, ...told, ...Object.fromEntries(parts) } as MachineSettings;
}

function readOptions(path: string): PartialSettings {
  try {
    const value: unknown = parse(readFileSync(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
    throw new Error('it is not an object');
  } catch (error) {
    throw new GodwitError(
      {
        code: 'INVALID_INPUT',
        message: `The options in ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
        state: NOTHING_CHANGED,
        nextStep: 'Give a file in JSON or YAML with fields of the agent configuration.',
      },
      error,
    );
  }
}

/** IPv4 first. In the order of the devices: which of several is the cluster's network, only the administrator knows. */
function ownAddresses(): string[] {
  const found = Object.entries(networkInterfaces())
    .filter(([device]) => !INNER_DEVICE.test(device))
    .flatMap(([, addresses]) => addresses ?? [])
    .filter((one) => !one.internal && !one.address.startsWith('fe80:') && !one.address.startsWith('169.254.'));
  const addresses = found.toSorted((a, b) => (a.family < b.family ? -1 : a.family > b.family ? 1 : 0));
  if (addresses.length > 0) return addresses.map(({ address }) => address);
  throw missing('This machine has no network address.', 'Give it one, or name it with --address.');
}

function hostInUrl(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** An eighth of the memory, and at least 1 GiB, stays with the machine itself. */
function memoryForVms(totalBytes: number): number {
  const kept = Math.max(1024 * MEBIBYTE, totalBytes / 8);
  return Math.max(0, Math.floor((totalBytes - kept) / MEBIBYTE) * MEBIBYTE);
}

function bridges(): string[] {
  return directoryOf('/sys/class/net').filter(
    (device) => !INNER_DEVICE.test(device) && existsSync(`/sys/class/net/${device}/bridge`),
  );
}

function qemuUser(): { uid: number; gid: number } | null {
  const text = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8') : '';
  const line = text.split('\n').find((entry) => entry.startsWith('libvirt-qemu:'));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? null : { uid: Number(uid), gid: Number(gid) };
}

function guardOfMachine(): MachineSettings['guard'] {
  if (!existsSync('/sys/fs/cgroup/cgroup.controllers')) return null;
  const watchdog = existsSync('/dev/watchdog')
    ? { device: '/dev/watchdog', timeoutFile: '/sys/class/watchdog/watchdog0/timeout' }
    : null;
  return { socket: '/run/godwit/guard.sock', cgroup: '/sys/fs/cgroup/godwit', watchdog };
}

function directoryOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function missing(message: string, nextStep: string): GodwitError {
  return new GodwitError({ code: 'REQUIREMENT_MISSING', message, state: NOTHING_CHANGED, nextStep });
}
