/** The rest of the agent's process, loaded once its node's standing is taken care of: adapters for VMs, the API, the loops. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createCloudInitSeeds } from '../adapters/disks/cloud-init-seed.ts';
import { createDisks } from '../adapters/disks/disks.ts';
import { createImageSources } from '../adapters/disks/image-download.ts';
import { openImageLibrary } from '../adapters/disks/image-library.ts';
import { savedMemoryFiles } from '../adapters/disks/saved-memory-files.ts';
import { createPowerFence } from '../adapters/fence/power-fence.ts';
import { FrameSocket } from '../adapters/linux-network/frame-socket.ts';
import { createGuestProbes } from '../adapters/linux-network/guest-probe.ts';
import { createLinuxNetwork } from '../adapters/linux-network/linux-network.ts';
import { createLinuxSwitchover } from '../adapters/linux-network/linux-switchover.ts';
import { cpuCount } from '../adapters/node-facts/machine-size.ts';
import { createNodeLoadMeter } from '../adapters/node-load/node-load-meter.ts';
import { webSocketStream } from '../adapters/peer-link/web-socket-stream.ts';
import { openAuthority } from '../adapters/pki/open-authority.ts';
import { createConsoleSockets } from '../adapters/qmp/console-sockets.ts';
import { createQemuHypervisor } from '../adapters/qmp/qemu-hypervisor.ts';
import { randomIds } from '../adapters/system/random-ids.ts';
import { systemClock } from '../adapters/system/system-clock.ts';
import type { ConsoleDesk } from '../api/context.ts';
import { createApiServer } from '../api/server.ts';
import { FIRST_TOKENS_FILE } from '../formation/member-files.ts';
import { smallestLimit } from '../migration/bandwidth-limit.ts';
import { isoDate } from '../migration/write-receipt.ts';
import type { AgentConfig } from '../model/agent-config.ts';
import type { JoinTokenRecord } from '../model/formation.ts';
import { keys } from '../model/keys.ts';
import type { NodeFacts, NodeMigrationFacts } from '../model/node.ts';
import type { HypervisorFacts } from '../ports/hypervisor.ts';
import type { Log } from '../ports/log.ts';
import type { CertificateIssuer, IdentityPem } from '../ports/pki.ts';
import type { ClusterStore } from '../ports/store.ts';
import { startAgent } from './agent.ts';
import type { AgentPorts } from './agent-ports.ts';
import { renewCertificates, renewalHandler } from './certificate-renewal.ts';
import { Consoles } from './consoles.ts';
import type { StandingNode } from './main.ts';
import { publishLoad } from './publish-load.ts';
import { publishNode } from './publish-node.ts';
import { keepSeats } from './seat-keeper.ts';

const clock = systemClock;

/** The web console as `npm run build:web` makes it. */
const CONSOLE = resolve(import.meta.dirname, '../../web/dist');

export async function runWitness(config: AgentConfig, running: StandingNode): Promise<void> {
  const { store, log, bootId, version, peers, standing } = running;
  await peers.serve({
    ping: () => Promise.resolve({ bootId }),
    clock: () => Promise.resolve({ wallMs: clock.wallMs() }),
    ...standing.handlers,
  });
  await publishNode(factsOf(config, { bootId, version, hypervisor: null }), clusterOf(config), { store, clock, log });
  keepCertificate(config, running, () => undefined);
}

export async function runNode(config: AgentConfig, running: StandingNode): Promise<void> {
  const { store, log, bootId, version, identity, seat, view, slices, peers, instances, events, standing } = running;
  const { revocations } = running;
  const issuer = openIssuer(config);
  const { authority, suspended } = standing;
  const network = createLinuxNetwork({ switches: config.switches, qemuUser: config.qemu.user, log });
  const hypervisor = createQemuHypervisor({
    binary: config.qemu.binary,
    user: config.qemu.user,
    accelerator: config.qemu.accelerator,
    runtimeDirectory: config.runtimeDirectory,
    logDirectory: config.logDirectory,
    qemuPkiDirectory: config.pki.qemuDirectory,
    ...{ bootId, clock, log, network, slices },
  });
  const disks = createDisks({ qemuUser: config.qemu.user });
  const directory = join(config.volumes[0]?.path ?? config.stateDirectory, 'images');
  const images = {
    images: await openImageLibrary({ directory, node: config.node }),
    imageSources: createImageSources(config.imageSources?.allow ?? []),
    seeds: createCloudInitSeeds(config.qemu.user),
  };
  const fence = createPowerFence();
  const snapshots = store.snapshots(join(config.stateDirectory, 'snapshots'));
  const consoles = createConsoles(config, running);
  const api = createApiServer({
    ...{
      config,
      store,
      disks,
      savedMemory: savedMemoryFiles,
      clock,
      log,
      version,
      reader: view,
      ids: randomIds,
      nodeName: config.node,
      events,
      fence,
      consoles,
    },
    ...images,
    consoleFiles: { directory: CONSOLE, readPage: readConsolePage },
    formation: { issuer, seats: store.seats, snapshots, storeMembers: () => seat.members() },
    tls: shownToUsers(identity.current()),
  });
  await keepFirstTokens(config, store);
  await api.listen({ port: config.api.port, host: '0.0.0.0' });
  const facts = factsOf(config, { bootId, version, hypervisor: await hypervisor.probe() });
  const ports: AgentPorts = {
    ...{ config, store, view, hypervisor, instances, network, peers, clock, log },
    ...{ savedMemory: savedMemoryFiles, authority, suspended, slices, events, bootId, ids: randomIds, fence },
    ...(await trafficPorts(config, log)),
  };
  await startAgent(ports, { ...standing.handlers, ...renewalHandler(view, issuer) });
  await publishNode(facts, clusterOf(config), { store, clock, log });
  publishLoad({ config, store, view, instances, clock, log, meter: createNodeLoadMeter() });
  keepSeats({ node: config.node, store, seats: store.seats, snapshots, view, events, clock, log });
  keepCertificate(config, running, (pem) => api.server.setSecureContext(shownToUsers(pem)));
  if (issuer !== null) revocations.keepSigned(store, issuer);
  log.info('The agent runs', { qemu: facts.qemuVersion, accelerator: facts.accelerator });
}

function readConsolePage(): Promise<string | null> {
  return readFile(join(CONSOLE, 'index.html'), 'utf8').catch(() => null);
}

/** Ahead of the first QEMU that is started or found: what it writes is to be read from then on. */
function createConsoles(
  { logDirectory, node, runtimeDirectory }: AgentConfig,
  { instances, log, peers, view }: StandingNode,
): ConsoleDesk {
  const consoles = new Consoles({
    ...{ node, instances, view, clock, log, ids: randomIds, link: peers.consoles },
    sockets: createConsoleSockets({ runtimeDirectory, logDirectory }),
  });
  return { show: (request, socket) => consoles.show(request, webSocketStream(socket)) };
}

/** How guests' frames are moved and watched. The kernels' VXLAN devices use the UDP port next to the one that agents use among themselves. */
async function trafficPorts(config: AgentConfig, log: Log) {
  const own = config.migration.network === null ? config.addresses : [config.migration.network.address];
  const address = own.find((candidate) => !candidate.includes(':')) ?? '';
  const frames = new FrameSocket({ address, port: config.peerPort, clock, log });
  const shared = { kernelPort: config.peerPort + 1, switches: config.switches, log };
  const probes = createGuestProbes({ ...shared, frameSocket: frames, clock });
  if (address === '') return { switchover: null, switchoverMissing: [], probes };
  const switchover = createLinuxSwitchover({ ...shared, frames });
  const switchoverMissing = await switchover.missing();
  if (switchoverMissing.length > 0) {
    log.warn('No lossless switchover on this node: guests are announced anew instead', { missing: switchoverMissing });
  }
  return { switchover, switchoverMissing, probes };
}

function openIssuer({ pki }: AgentConfig): CertificateIssuer | null {
  if (pki.caKey === undefined) return null;
  return openAuthority(readFileSync(pki.caCertificate, 'utf8'), readFileSync(pki.caKey, 'utf8'));
}

/** With the authority's certificate behind the node's own, by which a machine that wants to join knows the cluster. */
function shownToUsers({ ca, cert, key }: IdentityPem): IdentityPem {
  return { ca, cert: `${cert.trimEnd()}\n${ca}`, key };
}

function keepCertificate(config: AgentConfig, running: StandingNode, show: (identity: IdentityPem) => void): void {
  const { identity, view, peers, store, events, log } = running;
  const issuer = openIssuer(config);
  const use = (pem: IdentityPem) => {
    peers.useIdentity(pem);
    store.useIdentity(pem);
    show(pem);
  };
  const addresses = [...config.addresses, ...(config.certificateAddresses ?? [])];
  renewCertificates({ node: config.node, addresses, identity, issuer, view, peers, events, store, clock, log, use });
}

/** Tokens that were made with the cluster, ahead of its store. */
async function keepFirstTokens(config: AgentConfig, store: ClusterStore): Promise<void> {
  const file = join(config.stateDirectory, FIRST_TOKENS_FILE);
  if (!existsSync(file)) return;
  for (const record of JSON.parse(readFileSync(file, 'utf8')) as JoinTokenRecord[]) {
    const key = keys.joinToken(record.id);
    const transaction = { compare: [{ key, modRevision: '0' }], write: [{ put: key, value: record }] };
    while ((await store.transact(transaction)).kind === 'unknown') await clock.sleep(100);
  }
  rmSync(file);
}

function factsOf(
  config: AgentConfig,
  { bootId, version, hypervisor }: { bootId: string; version: string; hypervisor: HypervisorFacts | null },
): NodeFacts {
  return {
    name: config.node,
    role: config.role,
    addresses: config.addresses,
    certificateAddresses: config.certificateAddresses ?? [],
    apiUrl: config.api.url,
    alsoReachedAs: config.api.alsoReachedAs ?? [],
    peerPort: config.peerPort,
    memoryBytes: config.vmMemoryBytes,
    cpus: cpuCount(),
    qemuVersion: hypervisor?.version ?? null,
    accelerator: hypervisor?.accelerator ?? null,
    machineTypes: hypervisor?.machineTypes ?? [],
    cpuModels: hypervisor?.cpuModels ?? [],
    switches: config.switches.map(({ name }) => name),
    volumes: config.volumes,
    migration: migrationFacts(config),
    agentVersion: version,
    bootId,
    startedAt: isoDate(clock.wallMs()),
  };
}

function migrationFacts({ addresses, migration }: AgentConfig): NodeMigrationFacts {
  const { bandwidthBytesPerSecond, network } = migration;
  return {
    address: network?.address ?? addresses[0] ?? '',
    network: network?.cidr ?? null,
    bandwidthBytesPerSecond: smallestLimit(bandwidthBytesPerSecond, network?.bandwidthBytesPerSecond ?? null),
  };
}

function clusterOf(config: AgentConfig) {
  return { name: config.clusterName, id: randomIds.uuid(), createdAt: isoDate(clock.wallMs()) };
}
