/** A guest that QEMU alone moves between two nodes of the lab, with a plain `migrate` and nobody's care. */
import { closeSync, constants, openSync } from 'node:fs';
import { chown, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDisks } from '../src/adapters/disks/disks.ts';
import { UNLIMITED_BYTES_PER_SECOND } from '../src/adapters/qmp/transfer-figures.ts';
import type { VmView } from '../src/contract/vms.ts';
import type { LabStatus } from '../src/lab/lab.ts';
import { configPath, QEMU_USER } from '../src/lab/machine-files.ts';
import type { AgentConfig } from '../src/model/agent-config.ts';
import type { VmName } from '../src/model/names.ts';
import type { VmDefinition } from '../src/model/vm.ts';
import type { Figures } from './bench-plan.ts';
import { nowMs } from './client/figures.ts';
import { RawCopy, type RawCopyOptions, type RawNode } from './raw-copy.ts';

const NAME = 'BareServer';
/** Beyond the addresses that Godwit hands out. */
export const RAW_ADDRESS = '10.78.0.200';
const DOWNTIME_LIMIT_MS = 25;
const MIGRATION_TIMEOUT_MS = 120_000;

export class RawVm {
  readonly #nodes: readonly RawNode[];
  readonly #options: Omit<RawCopyOptions, 'node' | 'number' | 'incoming' | 'directDisks'>;
  #copy: RawCopy | null = null;
  #started = 0;

  private constructor(
    nodes: readonly RawNode[],
    options: Omit<RawCopyOptions, 'node' | 'number' | 'incoming' | 'directDisks'>,
  ) {
    this.#nodes = nodes;
    this.#options = options;
  }

  /** The same machine as `vm`, but for name, addresses and disk. Starts on the first node. */
  static async create(status: LabStatus, vm: VmView): Promise<RawVm> {
    const nodes = status.machines.filter((machine) => machine.kind === 'node');
    const definition = await defineLike(status.name, vm);
    const directory = join(status.directory, 'bare');
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chown(directory, QEMU_USER.uid, QEMU_USER.gid);
    const raw = new RawVm(nodes, { lab: status.name, definition, directory });
    await raw.restart();
    return raw;
  }

  async end(): Promise<void> {
    await this.#copy?.end();
    this.#copy = null;
  }

  /** Anew, with an empty disk. */
  async restart(): Promise<void> {
    const node = this.#copy?.node ?? this.#node((_node, index) => index === 0);
    await this.end();
    const disks = createDisks({ qemuUser: QEMU_USER });
    for (const disk of this.#options.definition.disks) {
      if (await disks.exists(disk.path)) await disks.remove(disk);
      await disks.create(disk);
    }
    this.#copy = await this.#start(node, false);
  }

  async migrate(): Promise<Figures> {
    const source = this.#copy;
    if (source === null) throw new Error('The bare guest does not run.');
    const calledAtMs = nowMs();
    const destination = await this.#start(
      this.#node((node) => node.name !== source.node.name),
      true,
    );
    let kept = source;
    try {
      const migratedAtMs = await begin(source, destination);
      const failure = await waitForEnd(source, destination);
      const figures = await measure({ source, destination, calledAtMs, migratedAtMs, failure });
      if (failure === null) kept = destination;
      return figures;
    } finally {
      this.#copy = kept;
      await (kept === source ? destination : source).end();
    }
  }

  #node(matches: (node: RawNode, index: number) => boolean): RawNode {
    const node = this.#nodes.find(matches);
    if (node === undefined) throw new Error('The lab has too few nodes.');
    return node;
  }

  async #start(node: RawNode, incoming: boolean): Promise<RawCopy> {
    this.#started += 1;
    const { disks } = this.#options.definition;
    const directDisks = new Set(disks.filter(({ path }) => takesDirect(path)).map(({ id }) => id));
    return RawCopy.start({ ...this.#options, directDisks, node, incoming, number: this.#started });
  }
}

async function defineLike(lab: string, vm: VmView): Promise<VmDefinition> {
  const config = JSON.parse(await readFile(configPath(lab, 'node1'), 'utf8')) as AgentConfig;
  if (config.labImage === null) throw new Error('The lab has no guest image.');
  const { kernel, initrd, commandLine } = config.labImage;
  const words = `${commandLine} godwit.name=${NAME} godwit.address=${RAW_ADDRESS}/24`;
  const { machineType, cpuModel, accelerator, cpus, memoryBytes, freePageHinting } = vm;
  return {
    ...{ name: NAME as VmName, machineType, cpuModel, accelerator, cpus, memoryBytes, freePageHinting },
    ...(vm.graphics && { graphics: 'vga' as const }),
    uuid: 'b5c0de00-0000-4000-8000-00000000ba4e',
    boot: { kind: 'kernel', kernel, initrd, commandLine: words },
    disks: vm.disks.map((disk) => ({ ...disk, path: join(dirname(dirname(disk.path)), NAME, `${disk.id}.qcow2`) })),
    nics: [{ id: 'nic0', macAddress: '52:54:00:ba:4e:01', switchName: 'lan', address: `${RAW_ADDRESS}/24` }],
  };
}

/** As Godwit decides it: the page cache is passed by wherever the file system allows that. */
function takesDirect(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_DIRECT));
    return true;
  } catch {
    return false;
  }
}

/** Returns when `migrate` was sent. */
async function begin(source: RawCopy, destination: RawCopy): Promise<number> {
  // What an earlier attempt from here that failed has left.
  source.events.length = 0;
  const capabilities = ['events', 'return-path'].map((capability) => ({ capability, state: true }));
  await destination.ask('migrate-set-capabilities', { capabilities });
  await destination.ask('migrate-incoming', { uri: `tcp:${destination.node.address}:0` });
  const listening = (await destination.ask('query-migrate')) as { 'socket-address'?: { port?: string }[] };
  await source.ask('migrate-set-capabilities', { capabilities });
  await source.ask('migrate-set-parameters', {
    'max-bandwidth': UNLIMITED_BYTES_PER_SECOND,
    'downtime-limit': DOWNTIME_LIMIT_MS,
  });
  const migratedAtMs = nowMs();
  await source.ask('migrate', { uri: `tcp:${destination.node.address}:${listening['socket-address']?.[0]?.port}` });
  return migratedAtMs;
}

/** Null, or why it failed. */
async function waitForEnd(source: RawCopy, destination: RawCopy): Promise<string | null> {
  const giveUpAt = Date.now() + MIGRATION_TIMEOUT_MS;
  for (;;) {
    if (source.seen('MIGRATION', 'completed') !== undefined && destination.seen('RESUME') !== undefined) return null;
    if (source.seen('MIGRATION', 'failed') !== undefined) return 'QEMU gave up';
    if (Date.now() > giveUpAt) break;
    await sleep(10);
  }
  await source.ask('migrate_cancel');
  await sleep(1000);
  return `not at its end after ${MIGRATION_TIMEOUT_MS / 1000} s`;
}

interface Course {
  readonly source: RawCopy;
  readonly destination: RawCopy;
  readonly calledAtMs: number;
  readonly migratedAtMs: number;
  readonly failure: string | null;
}

/** QEMU's event times are those of this machine's clock, as are the two times of this process. */
async function measure({ source, destination, calledAtMs, migratedAtMs, failure }: Course): Promise<Figures> {
  const details = (await source.ask('query-migrate')) as { ram?: { transferred?: number } };
  // A source that was once a destination has an older RESUME, and none of a STOP.
  const resumedAtMs = failure === null ? destination.seen('RESUME')?.atMs : undefined;
  const stoppedAtMs = source.seen('STOP')?.atMs;
  const until = (fromMs: number | undefined) =>
    resumedAtMs === undefined || fromMs === undefined ? null : resumedAtMs - fromMs;
  return {
    source: source.node.name,
    destination: destination.node.name,
    ownerAfter: (failure === null ? destination : source).node.name,
    ...{ failure, calledAtMs, stoppedAtMs: stoppedAtMs ?? null, resumedAtMs: resumedAtMs ?? null },
    totalMs: until(calledAtMs),
    transferMs: until(migratedAtMs),
    transferToResumeMs: until(migratedAtMs),
    blackoutMs: until(stoppedAtMs),
    callToFirstRoundMs: migratedAtMs - calledAtMs,
    rounds: Number(source.seen('MIGRATION_PASS')?.data['pass'] ?? 0),
    transferredBytes: details.ram?.transferred ?? null,
    ...{ firstRoundBytesPerSecond: null, forecastTotalMs: null, budgetMs: null, budgetUsedMs: null },
    details,
  };
}
