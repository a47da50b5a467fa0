/** The files that the machines of a lab begin with: what they are told about themselves, and the shared volume. */
import { copyFile, link, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { AgentConfig, MachineSettings } from '../model/agent-config.ts';
import type { GuestImage } from './guest/guest-image.ts';
import type { LabPlan, Machine } from './lab-plan.ts';
import { API_PORT, BRIDGE, gatewayAddress, PEER_PORT } from './lab-plan.ts';
import type { LabGuard } from './lab-state.ts';
import { labPaths } from './lab-state.ts';
import { guardConfig } from './node-guard.ts';
import { ETCD_BINARY, QEMU_BINARY } from './requirements.ts';

/** Debian's user libvirt-qemu has this id; it needs no entry in /etc/passwd. */
export const QEMU_USER = { uid: 64077, gid: 64077 };

export interface AgentSettings {
  readonly nodeMemoryBytes: number;
  readonly migrationTls: boolean;
  readonly accelerator: AgentConfig['qemu']['accelerator'];
  readonly labImage: AgentConfig['labImage'];
  readonly guard: LabGuard;
}

/** Directories that others than root must pass through get 0755; secrets are files with a mode of their own. */
export async function makeLabDirectory(lab: string): Promise<void> {
  await mkdir(join(labPaths.volume(lab), 'images'), { recursive: true, mode: 0o755 });
}

/** The guest image at a path that every node of the lab sees, readable by QEMU's user. */
export async function placeGuestImage(lab: string, image: GuestImage): Promise<AgentConfig['labImage']> {
  const directory = join(labPaths.volume(lab), 'images');
  const place = async (source: string): Promise<string> => {
    const target = join(directory, `${basename(source)}-${image.version}`);
    // Another file system than the cache's takes a copy.
    await link(source, target).catch(() => copyFile(source, target));
    return target;
  };
  return { kernel: await place(image.kernel), initrd: await place(image.initrd), commandLine: image.commandLine };
}

/** Directories of all machines, and what the commands that form the cluster are told about each. */
export async function writeMachineFiles(plan: LabPlan, settings: AgentSettings): Promise<void> {
  for (const machine of plan.machines) {
    const directory = labPaths.machine(plan.name, machine.name);
    await mkdir(join(directory, 'log'), { recursive: true });
    if (machine.kind === 'client') continue;
    await mkdir(join(directory, 'state'), { recursive: true, mode: 0o700 });
    const options = machineSettings(plan, machine, settings);
    await writeFile(optionsPath(plan.name, machine.name), `${JSON.stringify(options, null, 2)}\n`);
  }
}

/** For `godwit cluster create|join --options`. */
export function optionsPath(lab: string, machine: string): string {
  return join(labPaths.machine(lab, machine), 'options.json');
}

export function configPath(lab: string, machine: string): string {
  return join(labPaths.machine(lab, machine), 'agent.json');
}

function machineSettings(plan: LabPlan, machine: Machine, settings: AgentSettings): MachineSettings {
  const directory = labPaths.machine(plan.name, machine.name);
  const isNode = machine.kind === 'node';
  const addresses = machine.links.map((link) => link.address);
  const gateway = gatewayAddress(plan, machine.name);
  return {
    addresses,
    certificateAddresses: gateway === undefined ? [] : [gateway],
    api: {
      ...{ port: API_PORT, url: `https://${addresses.at(-1)}:${API_PORT}` },
      alsoReachedAs: gateway === undefined ? [] : [`https://${gateway}:${API_PORT}`],
    },
    peerPort: PEER_PORT,
    store: { clientPort: 2379, peerPort: 2380, etcdBinary: ETCD_BINARY },
    stateDirectory: join(directory, 'state'),
    runtimeDirectory: '/run/godwit',
    logDirectory: join(directory, 'log'),
    volumes: isNode ? [{ name: 'volume1', path: labPaths.volume(plan.name) }] : [],
    switches: isNode ? [{ name: 'lan', bridge: BRIDGE }] : [],
    vmMemoryBytes: isNode ? settings.nodeMemoryBytes : 0,
    qemu: { binary: QEMU_BINARY, user: QEMU_USER, accelerator: settings.accelerator },
    migration: { tls: settings.migrationTls, bandwidthBytesPerSecond: null, network: null },
    guard: isNode ? guardConfig(plan.name, machine.name, settings.guard) : null,
    labImage: isNode ? settings.labImage : null,
    guestAddresses: { network: '10.78.0.0/24', first: 100, last: 199 },
  };
}
