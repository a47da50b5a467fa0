/** The files that the machines of a lab begin with: certificates, agent configuration, the shared volume. */
import { randomBytes, scryptSync } from 'node:crypto';
import { chmod, chown, copyFile, link, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { AgentConfig } from '../model/agent-config.ts';
import type { CertificateAuthority } from './certificates.ts';
import { makeCertificateAuthority } from './certificates.ts';
import type { GuestImage } from './guest/guest-image.ts';
import type { LabPlan, Machine } from './lab-plan.ts';
import { API_PORT, BRIDGE, gatewayAddress, PEER_PORT, storeMembers } from './lab-plan.ts';
import { labPaths } from './lab-state.ts';
import { ETCD_BINARY, QEMU_BINARY } from './requirements.ts';

/** Debian's user libvirt-qemu has this id; it needs no entry in /etc/passwd. */
export const QEMU_USER = { uid: 64077, gid: 64077 };

export interface AgentSettings {
  readonly administrator: { readonly user: string; readonly passwordHash: string };
  readonly nodeMemoryBytes: number;
  readonly migrationTls: boolean;
  readonly accelerator: AgentConfig['qemu']['accelerator'];
  readonly labImage: AgentConfig['labImage'];
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

export function hashPassword(password: string): string {
  const cost = 16384;
  const salt = randomBytes(16);
  const hash = scryptSync(password, salt, 32, { N: cost, r: 8, p: 1 });
  return `scrypt:${cost}:${salt.toString('hex')}:${hash.toString('hex')}`;
}

/** Everything below `machines/`, and the authority's certificate. */
export async function writeMachineFiles(plan: LabPlan, settings: AgentSettings): Promise<void> {
  const authority = await makeCertificateAuthority(plan.name);
  await writeFile(labPaths.caCertificate(plan.name), authority.certificate);
  for (const machine of plan.machines) {
    const directory = labPaths.machine(plan.name, machine.name);
    await mkdir(join(directory, 'log'), { recursive: true });
    if (machine.kind !== 'node' && machine.kind !== 'witness') continue;
    await mkdir(join(directory, 'state'), { recursive: true, mode: 0o700 });
    await writePki(plan, machine, authority);
    const config = agentConfig(plan, machine, settings);
    await writeFile(configPath(plan.name, machine.name), `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  }
}

export function configPath(lab: string, machine: string): string {
  return join(labPaths.machine(lab, machine), 'agent.json');
}

export function agentConfig(plan: LabPlan, machine: Machine, settings: AgentSettings): AgentConfig {
  const directory = labPaths.machine(plan.name, machine.name);
  const isNode = machine.kind === 'node';
  const addresses = machine.links.map((link) => link.address);
  const members = storeMembers(plan);
  return {
    clusterName: plan.name,
    node: machine.name,
    role: isNode ? 'node' : 'witness',
    addresses,
    api: { port: API_PORT, url: `https://${addresses.at(-1)}:${API_PORT}` },
    peerPort: PEER_PORT,
    pki: {
      caCertificate: join(directory, 'pki/ca-cert.pem'),
      certificate: join(directory, 'pki/cert.pem'),
      key: join(directory, 'pki/key.pem'),
      qemuDirectory: join(directory, 'pki/qemu'),
    },
    store: {
      members,
      clientPort: 2379,
      peerPort: 2380,
      etcdBinary: members.some((member) => member.name === machine.name) ? ETCD_BINARY : null,
    },
    stateDirectory: join(directory, 'state'),
    runtimeDirectory: '/run/godwit',
    logDirectory: join(directory, 'log'),
    volumes: isNode ? [{ name: 'volume1', path: labPaths.volume(plan.name) }] : [],
    switches: isNode ? [{ name: 'lan', bridge: BRIDGE }] : [],
    vmMemoryBytes: isNode ? settings.nodeMemoryBytes : 0,
    qemu: { binary: QEMU_BINARY, user: QEMU_USER, accelerator: settings.accelerator },
    migration: { tls: settings.migrationTls, bandwidthBytesPerSecond: null, network: null },
    guard: null,
    administrator: settings.administrator,
    labImage: isNode ? settings.labImage : null,
    guestAddresses: { network: '10.78.0.0/24', first: 100, last: 199 },
  };
}

async function writePki(plan: LabPlan, machine: Machine, authority: CertificateAuthority): Promise<void> {
  const directory = join(labPaths.machine(plan.name, machine.name), 'pki');
  await mkdir(directory, { recursive: true });
  const gateway = gatewayAddress(plan, machine.name);
  const addresses = [
    ...machine.links.map((cable) => cable.address),
    '127.0.0.1',
    ...(gateway === undefined ? [] : [gateway]),
  ];
  const own = await authority.issue({ name: machine.name, addresses });
  await writeFile(join(directory, 'ca-cert.pem'), authority.certificate);
  await writeFile(join(directory, 'cert.pem'), own.certificate);
  await writeFile(join(directory, 'key.pem'), own.key, { mode: 0o600 });
  if (machine.kind === 'node')
    await writeQemuPki(join(directory, 'qemu'), authority, await authority.issue({ name: machine.name, addresses }));
}

/** A key of its own, so that QEMU's user does not learn the agent's. QEMU wants these five names. */
async function writeQemuPki(
  directory: string,
  authority: CertificateAuthority,
  pair: { certificate: string; key: string },
): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'ca-cert.pem'), authority.certificate);
  for (const role of ['server', 'client']) {
    await writeFile(join(directory, `${role}-cert.pem`), pair.certificate);
    const key = join(directory, `${role}-key.pem`);
    await writeFile(key, pair.key, { mode: 0o600 });
    await chown(key, 0, QEMU_USER.gid);
    await chmod(key, 0o640);
  }
}
