import { scryptSync } from 'node:crypto';
import { watchCluster } from '../../src/agent/cluster-view.ts';
import type { ConsoleDesk, FormationContext } from '../../src/api/context.ts';
import { type ApiServer, createApiServer } from '../../src/api/server.ts';
import type { RestErrorBody } from '../../src/contract/error-body.ts';
import type { Route } from '../../src/contract/route.ts';
import type { AgentConfig } from '../../src/model/agent-config.ts';
import { GodwitError } from '../../src/model/errors.ts';
import type { NewEvent } from '../../src/model/events.ts';
import { keys } from '../../src/model/keys.ts';
import { GIBIBYTE } from '../../src/model/units.ts';
import type { VmDisk } from '../../src/model/vm.ts';
import type { Disks } from '../../src/ports/disks.ts';
import type { EventLog } from '../../src/ports/events.ts';
import type { PowerFence } from '../../src/ports/fence.ts';
import type { Images, ImageSources } from '../../src/ports/images.ts';
import type { Log } from '../../src/ports/log.ts';
import type { SavedMemoryFiles } from '../../src/ports/saved-memory.ts';
import { testFacts, testHeartbeat, testMemory } from './cluster-facts.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryImages, MemorySeeds } from './memory-images.ts';
import { MemoryStore } from './memory-store.ts';

export const PASSWORD = 'correct horse';
const SALT = '00ff00ff';

/** A cluster of two nodes and a witness, as far as the API sees one: everything in memory, node1 answers. */
export interface ApiCluster {
  readonly server: ApiServer;
  readonly store: MemoryStore;
  readonly clock: ManualClock;
  readonly disks: MemoryDisks;
  readonly images: MemoryImages;
  readonly seeds: MemorySeeds;
  /** Files with saved memory that were removed. */
  readonly memoryRemoved: readonly string[];
  /** What was said to the event log; nothing of it gets into the store. */
  readonly said: NewEvent[];
  /** Signed in; resolves with status and parsed body. */
  ask(method: Route['method'], path: string, body?: object): Promise<{ status: number; body: unknown }>;
  /** The error of a request that must be refused; fails if it changed a key or a disk. */
  refusal(method: Route['method'], path: string, body?: object): Promise<RestErrorBody>;
  /** The built page of the web console; null: there is none. */
  readonly page: { html: string | null };
  /** Writes, and waits until the API's view has it. */
  put(values: Readonly<Record<string, unknown>>): Promise<void>;
  close(): Promise<void>;
}

/** What is real instead of in memory. */
export interface RealParts {
  readonly images?: Images;
  readonly imageSources?: ImageSources;
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

export async function startApiCluster(
  formation: FormationContext | null = null,
  real: RealParts = {},
): Promise<ApiCluster> {
  const [store, clock, disks] = [new MemoryStore(), new ManualClock(), new MemoryDisks()];
  const [images, seeds] = [new MemoryImages(), new MemorySeeds()];
  const said: NewEvent[] = [];
  const memoryRemoved: string[] = [];
  const savedMemory: SavedMemoryFiles = {
    place: async ({ name }) => `/volume/${name}.memory`,
    list: async ({ name }) => [`/volume/${name}.memory`, `/volume/${name}.left-over`],
    remove: async ({ path }) => void memoryRemoved.push(path),
  };
  const page = { html: '<meta name="csp-nonce" content="__CSP_NONCE__">' as string | null };
  const events: EventLog = { say: (event) => void said.push(event) };
  const view = watchCluster(store, clock);
  await view.ready();
  const server = createApiServer({
    ...{ config: testConfig(), store, reader: view, disks, clock, ids: countedIds(), log: silentLog },
    ...{ events, fence: silentFence, images, seeds, savedMemory },
    imageSources: { open: () => Promise.reject(new Error('Nothing is downloaded here.')) },
    ...{ tls: { ca: '', cert: '', key: '' }, ...real },
    consoles: noConsoles,
    consoleFiles: { directory: '/console', readPage: () => Promise.resolve(page.html) },
    ...{ nodeName: 'node1', version: '0.1.0', formation },
  });
  await server.ready();
  const authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`;
  const ask: ApiCluster['ask'] = async (method, path, body) => {
    const answer = await server.inject({
      method,
      url: `/api/v1${path}`,
      headers: { authorization },
      ...(body && { body }),
    });
    return { status: answer.statusCode, body: answer.json() as unknown };
  };
  const put = async (values: Readonly<Record<string, unknown>>) => {
    store.put(values);
    await Promise.resolve();
  };
  await put({
    [keys.cluster]: { name: 'test', id: 'c1', createdAt: '2026-01-01T00:00:00.000Z' },
    ...nodeEntries('node1'),
    ...nodeEntries('node2'),
    [keys.nodeFacts('witness')]: { ...testFacts('witness'), role: 'witness', memoryBytes: 0, qemuVersion: null },
    [keys.nodeHeartbeat('witness')]: testHeartbeat(1),
  });
  return {
    ...{ server, store, clock, disks, images, seeds, memoryRemoved, said, page, ask, put },
    async refusal(method, path, body) {
      const before = JSON.stringify([store.contents(), [...disks.files]]);
      const answer = await ask(method, path, body);
      if (answer.status < 400) throw new Error(`Was not refused: ${JSON.stringify(answer.body)}`);
      if (JSON.stringify([store.contents(), [...disks.files]]) !== before)
        throw new Error('A refusal changed something.');
      return answer.body as RestErrorBody;
    },
    async close() {
      view.close();
      await server.close();
    },
  };
}

/** Says as the reason what it was asked for. */
const noConsoles: ConsoleDesk = { show: (request, socket) => socket.close(1001, JSON.stringify(request)) };

function testConfig(): AgentConfig {
  return {
    ...{ clusterName: 'test', node: 'node1', role: 'node', addresses: ['10.77.0.11'], peerPort: 8441 },
    api: { port: 8440, url: 'https://10.78.0.11:8440' },
    pki: { caCertificate: '', certificate: '', key: '', qemuDirectory: '' },
    store: { members: [], clientPort: 2379, peerPort: 2380, etcdBinary: null },
    ...{ stateDirectory: '/state', runtimeDirectory: '/run', logDirectory: '/log' },
    volumes: [{ name: 'shared', path: '/volumes/shared' }],
    switches: [{ name: 'lan', bridge: 'br0' }],
    vmMemoryBytes: GIBIBYTE,
    qemu: { binary: 'qemu', user: null, accelerator: 'auto' },
    migration: { tls: true, bandwidthBytesPerSecond: null, network: null },
    administrator: { user: 'admin', passwordHash: hashOf(PASSWORD) },
    guard: null,
    labImage: { kernel: '/images/kernel', initrd: '/images/initrd', commandLine: 'console=ttyS0' },
    guestAddresses: { network: '10.78.0.0/24', first: 100, last: 102 },
  };
}

function hashOf(password: string): string {
  const key = scryptSync(password, Buffer.from(SALT, 'hex'), 32, { N: 16, r: 8, p: 1 });
  return `scrypt:16:${SALT}:${key.toString('hex')}`;
}

/** Images as a set of paths. */
export class MemoryDisks implements Disks {
  readonly files = new Set<string>();
  /** Thrown by the next creation whose path contains it. */
  failAt: string | null = null;

  async create(disk: VmDisk): Promise<void> {
    if (this.failAt !== null && disk.path.includes(this.failAt)) {
      throw new GodwitError({
        ...{ code: 'NOT_ENOUGH_DISK_SPACE', message: 'The volume is full.', state: 'Nothing was changed.' },
        nextStep: 'Free some space.',
      });
    }
    this.files.add(disk.path);
  }

  async importImage(disk: VmDisk): Promise<void> {
    this.files.add(disk.path);
  }

  async virtualSizeBytes(): Promise<number> {
    return 2 * GIBIBYTE;
  }

  async grow(): Promise<void> {}

  async exists(path: string): Promise<boolean> {
    return this.files.has(path);
  }

  async remove(disk: VmDisk): Promise<void> {
    this.files.delete(disk.path);
  }
}

function nodeEntries(name: string): Record<string, unknown> {
  return {
    [keys.nodeFacts(name)]: testFacts(name),
    [keys.nodeHeartbeat(name)]: testHeartbeat(1),
    [keys.nodeMemory(name)]: testMemory(),
  };
}

function countedIds() {
  let count = 0;
  const next = (length: number) => (++count).toString(16).padStart(length, '0');
  return {
    uuid: () => `${next(8)}-0000-4000-8000-000000000000`,
    migrationId: () => next(26),
    macAddress: () => `52:54:00:00:00:${next(2)}`,
  };
}

/** A management controller that answers that the power is on. */
const poweredOn = { state: 'on', reason: 'The controller says that the power is on.' } as const;
const silentFence: PowerFence = {
  status: async () => poweredOn,
  powerOff: () => Promise.reject(new Error('The API switches no power.')),
  powerOn: () => Promise.reject(new Error('The API switches no power.')),
};

const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
