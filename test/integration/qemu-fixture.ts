import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { guestMemoryAddress } from '../../src/adapters/qmp/guest-memory.ts';
import { createQemuHypervisor, type QemuHypervisor } from '../../src/adapters/qmp/qemu-hypervisor.ts';
import { QmpClient } from '../../src/adapters/qmp/qmp-client.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { definitionHash } from '../../src/model/definition-hash.ts';
import type { VmDefinition } from '../../src/model/vm.ts';
import type { VmSlices } from '../../src/ports/guard.ts';
import type { Instance, InstanceEvent, MigrationStatus } from '../../src/ports/hypervisor.ts';
import type { Log } from '../../src/ports/log.ts';
import type { VmNetwork } from '../../src/ports/network.ts';

// Real QEMU with firmware only: it runs, dirties a little memory, and needs no guest.

export const MIGRATION = '01JABCDEFGHJKMNPQRSTVWXYZ0';
export const BINARY = '/usr/bin/qemu-system-x86_64';
export const directory = mkdtempSync(join(tmpdir(), 'godwit-qemu-'));
export const diskPath = join(directory, 'disk0.qcow2');
export const hypervisors: QemuHypervisor[] = [];
const silentLog: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

const noNetwork: VmNetwork = {
  plug: async () => [],
  unplug: async () => undefined,
  plugged: async () => [],
  removeTap: async () => undefined,
  tapName: (instance, nicIndex) => `${instance}${nicIndex}`,
  switches: () => [],
};

const definition: VmDefinition = {
  name: 'WebServer',
  uuid: '6b2f1f6e-7e0a-4b53-9b4a-1d4f6f9f3c11',
  memoryBytes: 64 * 1024 * 1024,
  cpus: 1,
  machineType: 'pc-q35-7.2',
  cpuModel: 'Nehalem-v1',
  accelerator: 'tcg',
  freePageHinting: false,
  boot: { kind: 'disk' },
  disks: [{ id: 'disk0', path: diskPath, format: 'qcow2', sizeBytes: 64 * 1024 * 1024 }],
  nics: [],
};

/** The hypervisor of a node; the same node again is the next agent there. */
export function node(
  name: string,
  user: { uid: number; gid: number } | null = null,
  slices: VmSlices | null = null,
): QemuHypervisor {
  const hypervisor = createQemuHypervisor({
    binary: BINARY,
    user,
    accelerator: 'auto',
    runtimeDirectory: join(directory, name),
    logDirectory: join(directory, `${name}-log`),
    qemuPkiDirectory: join(directory, 'pki', name),
    bootId: 'boot-1',
    clock: systemClock,
    log: silentLog,
    network: noNetwork,
    slices,
  });
  hypervisors.push(hypervisor);
  return hypervisor;
}

interface Loading {
  readonly savedMemory?: string;
  readonly givenUp?: Promise<Error>;
}

const NEVER = new Promise<never>(() => undefined);

export function start(
  hypervisor: QemuHypervisor,
  incoming: boolean,
  { savedMemory, givenUp, ...changes }: Partial<VmDefinition> & Loading = {},
): Promise<Instance> {
  const wanted = { ...definition, ...changes };
  return hypervisor.start({
    definition: wanted,
    definitionHash: definitionHash(wanted),
    incomingMigration: incoming ? MIGRATION : null,
    highlyAvailable: true,
    ...(savedMemory !== undefined && { savedMemory: { path: savedMemory, givenUp: givenUp ?? NEVER } }),
  });
}

/** Collects events; `until` resolves with the first, past or future, that fits. */
export function record(instance: Instance) {
  const events: InstanceEvent[] = [];
  const waiting = new Set<() => void>();
  instance.subscribe((event) => {
    events.push(event);
    for (const look of waiting) look();
  });
  const until = (fits: (event: InstanceEvent) => boolean): Promise<InstanceEvent> =>
    new Promise((resolve) => {
      const look = () => {
        const event = events.find(fits);
        if (event === undefined) return;
        waiting.delete(look);
        resolve(event);
      };
      waiting.add(look);
      look();
    });
  const status = (wanted: MigrationStatus) =>
    until((event) => event.kind === 'migration-status' && event.status === wanted);
  return { events, until, status };
}

/** Of a VM with so many MiB, as QEMU is started with them. */
export function startedMemoryBytes(mebibytes: number): number {
  return mebibytes * 1024 * 1024 + 8192;
}

async function memoryAddress({ pid }: Instance, memoryBytes: number): Promise<number> {
  return guestMemoryAddress(await readFile(`/proc/${pid}/maps`, 'latin1'), memoryBytes);
}

/** Puts data into the guest's memory behind its back; before a migration, because nobody notes that it changed. */
export async function writeGuestMemory(instance: Instance, memoryBytes: number, at: { offset: number; data: Buffer }) {
  const memory = await open(`/proc/${instance.pid}/mem`, 'r+');
  const address = await memoryAddress(instance, memoryBytes);
  await memory.write(at.data, 0, at.data.length, address + at.offset);
  await memory.close();
}

/** All of the guest's memory. */
export async function readGuestMemory(instance: Instance, memoryBytes: number): Promise<Buffer> {
  const memory = await open(`/proc/${instance.pid}/mem`, 'r');
  const address = await memoryAddress(instance, memoryBytes);
  const all = Buffer.alloc(memoryBytes);
  for (let offset = 0; offset < memoryBytes; ) {
    const { bytesRead } = await memory.read(all, offset, Math.min(1 << 20, memoryBytes - offset), address + offset);
    if (bytesRead === 0) throw new Error('The memory ends early.');
    offset += bytesRead;
  }
  await memory.close();
  return all;
}

/** One command to a QEMU that no hypervisor is connected to: its monitor has room for one. */
export async function askMonitor(on: [name: string, instance: Instance], command: string, args = {}): Promise<unknown> {
  const [name, instance] = on;
  const client = await QmpClient.connect({
    path: join(directory, name, 'vms', instance.id, 'qmp.sock'),
    subject: 'the test',
    clock: systemClock,
    listener: { event: () => undefined, closed: () => undefined },
  });
  const answer = await client.execute(command, args);
  client.close();
  return answer;
}

export function instanceDirectories(name: string): string[] {
  return readdirSync(join(directory, name, 'vms'));
}

export function processesLeft(): string {
  const list = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' });
  return list
    .split('\n')
    .filter((line) => line.includes(directory))
    .join('\n');
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: join(directory, 'pki'), stdio: 'pipe' });
}

/** A directory as QEMU wants it, for one node, under one certificate authority. `subject` in the order it is encoded. */
function makeCertificates(name: string, subject: string): void {
  const path = join(directory, 'pki', name);
  mkdirSync(path, { recursive: true });
  if (!existsSync(join(directory, 'pki', 'ca-key.pem'))) {
    const authority = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    openssl('req', ...authority, '-subj', '/CN=test authority', '-keyout', 'ca-key.pem', '-out', 'ca-cert.pem');
  }
  const key = join(path, 'server-key.pem');
  const request = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', subject];
  const certificate = join(path, 'server-cert.pem');
  const issue = [
    '-x509',
    '-CA',
    'ca-cert.pem',
    '-CAkey',
    'ca-key.pem',
    '-days',
    '2',
    '-addext',
    `subjectAltName=DNS:${name}`,
  ];
  openssl(
    'req',
    ...request,
    ...issue,
    '-addext',
    'basicConstraints=critical,CA:FALSE',
    '-keyout',
    key,
    '-out',
    certificate,
  );
  execFileSync('cp', [key, join(path, 'client-key.pem')]);
  execFileSync('cp', [certificate, join(path, 'client-cert.pem')]);
  execFileSync('cp', [join(directory, 'pki', 'ca-cert.pem'), path]);
}

/** For every test of a file: nodes with a disk and certificates, on which nothing is left behind. */
export function useNodes(): void {
  beforeAll(prepareNodes);
  afterEach(async () => {
    await emptyNodes();
    expect(processesLeft()).toBe('');
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
}

/** Disk and certificates. */
function prepareNodes(): void {
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', diskPath, '64M']);
  mkdirSync(join(directory, 'pki'));
  makeCertificates('node1', '/CN=node1/O=godwit');
  makeCertificates('node2', '/O=godwit/CN=node2');
}

/** Kills whatever a test left on the nodes. */
async function emptyNodes(): Promise<void> {
  for (const hypervisor of hypervisors.splice(0)) hypervisor.release();
  for (const name of ['node1', 'node2']) {
    const hypervisor = node(name);
    for (const instance of await hypervisor.adopt()) await instance.kill();
    hypervisor.release();
  }
  hypervisors.length = 0;
}
