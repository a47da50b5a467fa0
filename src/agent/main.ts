/** The agent's process: reads the configuration, picks the adapters, starts the loops. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createVmSlices } from '../adapters/control-groups/vm-slices.ts';
import { createDisks } from '../adapters/disks/disks.ts';
import { createEtcdStore, type EtcdStore } from '../adapters/etcd/etcd-store.ts';
import { startEtcdServer } from '../adapters/etcd/etcd-server.ts';
import { createEventLog } from '../adapters/event-log/event-log.ts';
import { createPowerFence } from '../adapters/fence/power-fence.ts';
import { createGuardLink } from '../adapters/guard-link/guard-link.ts';
import { FrameSocket } from '../adapters/linux-network/frame-socket.ts';
import { createGuestProbes } from '../adapters/linux-network/guest-probe.ts';
import { createLinuxNetwork } from '../adapters/linux-network/linux-network.ts';
import { createLinuxSwitchover } from '../adapters/linux-network/linux-switchover.ts';
import { createLocalNotes } from '../adapters/local-notes/local-notes.ts';
import { readBootId } from '../adapters/node-facts/boot-id.ts';
import { loadAgentConfig } from '../adapters/node-facts/load-agent-config.ts';
import { cpuCount } from '../adapters/node-facts/machine-size.ts';
import { createPeerLink } from '../adapters/peer-link/peer-link.ts';
import { openAuthority } from '../adapters/pki/open-authority.ts';
import { openIdentity } from '../adapters/pki/identity-files.ts';
import { createQemuHypervisor } from '../adapters/qmp/qemu-hypervisor.ts';
import { createPinoLog } from '../adapters/system/pino-log.ts';
import { randomIds } from '../adapters/system/random-ids.ts';
import { systemClock } from '../adapters/system/system-clock.ts';
import { createApiServer } from '../api/server.ts';
import { FIRST_TOKENS_FILE } from '../formation/member-files.ts';
import { smallestLimit } from '../migration/bandwidth-limit.ts';
import type { AgentConfig } from '../model/agent-config.ts';
import type { JoinTokenRecord } from '../model/formation.ts';
import { keys } from '../model/keys.ts';
import type { NodeFacts, NodeMigrationFacts } from '../model/node.ts';
import type { HypervisorFacts } from '../ports/hypervisor.ts';
import type { Log } from '../ports/log.ts';
import type { LocalNotes } from '../ports/notes.ts';
import type { CertificateIssuer, IdentityPem, NodeIdentity } from '../ports/pki.ts';
import type { ClusterStore } from '../ports/store.ts';
import { startAgent } from './agent.ts';
import { watchCluster } from './cluster-view.ts';
import { createInstanceRegistry } from './instance-registry.ts';
import type { AgentPorts } from './agent-ports.ts';
import { renewCertificates, renewalHandler } from './certificate-renewal.ts';
import { takeStanding } from './node-standing.ts';
import { type OwnMember, OwnSeat } from './own-seat.ts';
import { publishNode } from './publish-node.ts';
import { keepSeats } from './seat-keeper.ts';

const clock = systemClock;
const EVICTION_LOOK_MS = 300;

/** Runs the agent (or, with `role: witness`, the witness) of this machine until the process ends. */
export async function runAgent(configPath: string): Promise<void> {
  const config = await loadAgentConfig(configPath);
  const version = readVersion();
  const log = createPinoLog({ fields: { node: config.node } });
  process.on('unhandledRejection', (error) => log.error('A promise failed unobserved', { error }));
  for (const directory of [config.stateDirectory, config.runtimeDirectory, config.logDirectory]) {
    mkdirSync(directory, { recursive: true });
  }
  const bootId = await readBootId(config.runtimeDirectory);
  const identity = openNodeIdentity(config);
  log.info('The agent starts', { version, role: config.role, bootId });
  const notes = createLocalNotes(join(config.stateDirectory, 'notes'));
  const seat = ownSeat(config, notes, log);
  await seat.start();
  const store = openStore(config, identity, seat);
  seat.follow(store, store.seats, () => endEvicted(log));
  await refuseEvicted(config, store, log);
  const issuer = openIssuer(config);
  const running = standIn(config, { store, log, bootId, version, identity, issuer, notes, seat });
  if (config.role === 'witness') await runWitness(config, running);
  else await runNode(config, running);
}

interface Running {
  readonly store: EtcdStore;
  readonly log: Log;
  readonly bootId: string;
  readonly version: string;
  readonly identity: NodeIdentity;
  /** Null where this node does not have the authority's key. */
  readonly issuer: CertificateIssuer | null;
  readonly notes: LocalNotes;
  readonly seat: OwnSeat;
}

/** First of all this node's standing in the cluster: the guests' right to run lasts for seconds only. */
function standIn(config: AgentConfig, running: Running) {
  const { store, log, bootId, identity, notes, seat } = running;
  const view = watchCluster(store, clock);
  const instances = createInstanceRegistry();
  const spoolFile = join(config.stateDirectory, 'events.jsonl');
  const events = createEventLog({ node: config.node, ids: randomIds, spoolFile, store, clock, log });
  const guard = config.guard === null ? null : createGuardLink({ socket: config.guard.socket, clock, log });
  const slices = config.guard === null ? null : createVmSlices(config.guard.cgroup);
  const peers = createPeerLink({
    nodeName: config.node,
    listenPort: config.peerPort,
    listenAddress: '0.0.0.0',
    ...{ bootId, clock, log, tls: identity.current() },
    isEvicted: (node) => seat.isEvicted(node),
  });
  const standing = takeStanding(
    { store, view, peers, guard, notes, clock, log, events, instances, slices },
    {
      ...{ node: config.node, role: config.role, bootId, agentId: randomIds.uuid() },
      storeMembers: () => seat.members().map(({ name }) => name),
    },
  );
  return { ...running, view, instances, events, slices, peers, standing };
}

type Standing = ReturnType<typeof standIn>;

async function runWitness(config: AgentConfig, running: Standing) {
  const { store, log, bootId, version, peers, standing } = running;
  await peers.serve({
    ping: () => Promise.resolve({ bootId }),
    clock: () => Promise.resolve({ wallMs: clock.wallMs() }),
    ...standing.handlers,
  });
  await publishNode(factsOf(config, { bootId, version, hypervisor: null }), clusterOf(config), { store, clock, log });
  keepCertificate(config, running, () => undefined);
}

async function runNode(config: AgentConfig, running: Standing): Promise<void> {
  const { store, log, bootId, version, identity, issuer, seat, view, slices, peers, instances, events, standing } =
    running;
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
  const fence = createPowerFence();
  const api = createApiServer({
    ...{
      config,
      store,
      disks,
      clock,
      log,
      version,
      reader: view,
      ids: randomIds,
      nodeName: config.node,
      events,
      fence,
    },
    formation: { issuer, seats: store.seats, storeMembers: () => seat.members() },
    tls: shownToUsers(identity.current()),
  });
  await keepFirstTokens(config, store);
  await api.listen({ port: config.api.port, host: '0.0.0.0' });
  const facts = factsOf(config, { bootId, version, hypervisor: await hypervisor.probe() });
  const ports: AgentPorts = {
    ...{ config, store, view, hypervisor, instances, network, peers, clock, log },
    ...{ authority, suspended, slices, events, bootId, ids: randomIds, fence },
    ...(await trafficPorts(config, log)),
  };
  await startAgent(ports, { ...standing.handlers, ...renewalHandler(view, issuer) });
  await publishNode(facts, clusterOf(config), { store, clock, log });
  keepSeats({ node: config.node, store, seats: store.seats, view, events, clock, log });
  keepCertificate(config, running, (pem) => api.server.setSecureContext(shownToUsers(pem)));
  log.info('The agent runs', { qemu: facts.qemuVersion, accelerator: facts.accelerator });
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

function ownSeat(config: AgentConfig, notes: LocalNotes, log: Log): OwnSeat {
  const { clientPort, peerPort, members, etcdBinary } = config.store;
  const startMember = (own: OwnMember) =>
    startEtcdServer(
      {
        name: config.node,
        address: own.initial.find(({ name }) => name === config.node)?.address ?? config.addresses[0] ?? '',
        members: own.initial,
        ...{ clientPort, peerPort, state: own.state },
        dataDirectory: join(config.stateDirectory, own.directory),
        runtimeDirectory: config.runtimeDirectory,
        logFile: join(config.logDirectory, 'etcd.log'),
        binary: etcdBinary ?? '',
        clusterToken: config.clusterName,
        pki: { caCertificate: config.pki.caCertificate, certificate: config.pki.certificate, key: config.pki.key },
      },
      clock,
      log,
    );
  const canHaveSeat = etcdBinary !== null;
  return new OwnSeat({ node: config.node, members, canHaveSeat, clientPort, notes, startMember, clock, log });
}

function openStore(config: AgentConfig, identity: NodeIdentity, seat: OwnSeat): EtcdStore {
  const port = config.store.clientPort;
  const endpoints = seat.members().map(({ name, address }) => ({ name, address, port }));
  const { ca, cert, key } = identity.current();
  const pem = { ca: Buffer.from(ca), cert: Buffer.from(cert), key: Buffer.from(key) };
  return createEtcdStore({ endpoints, localFirst: config.node, ...pem, clock });
}

function openNodeIdentity(config: AgentConfig): NodeIdentity {
  const qemuDirectory = config.role === 'node' ? config.pki.qemuDirectory : null;
  return openIdentity({ ...config.pki, qemuDirectory }, config.node, config.qemu.user?.gid ?? null);
}

function openIssuer({ pki }: AgentConfig): CertificateIssuer | null {
  if (pki.caKey === undefined) return null;
  return openAuthority(readFileSync(pki.caCertificate, 'utf8'), readFileSync(pki.caKey, 'utf8'));
}

/** With the authority's certificate behind the node's own, by which a machine that wants to join knows the cluster. */
function shownToUsers({ ca, cert, key }: IdentityPem): IdentityPem {
  return { ca, cert: `${cert.trimEnd()}\n${ca}`, key };
}

function keepCertificate(config: AgentConfig, running: Standing, show: (identity: IdentityPem) => void): void {
  const { identity, issuer, view, peers, store, events, log } = running;
  const use = (pem: IdentityPem) => {
    peers.useIdentity(pem);
    store.useIdentity(pem);
    show(pem);
  };
  const addresses = [...config.addresses, ...(config.certificateAddresses ?? [])];
  renewCertificates({ node: config.node, addresses, identity, issuer, view, peers, events, clock, log, use });
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

/** Ahead of the first heartbeat. A store that does not answer at once is not waited for: guests' authority lasts for seconds only. */
async function refuseEvicted(config: AgentConfig, store: ClusterStore, log: Log): Promise<void> {
  const eviction = await store.get(keys.eviction(config.node), EVICTION_LOOK_MS).catch(() => undefined);
  if (eviction !== undefined) endEvicted(log);
}

/** Its certificate is refused from now on; whatever starts it again will see the same. */
function endEvicted(log: Log): void {
  log.error('This node was removed from its cluster (NODE_EVICTED): to use it again, let it join anew');
  process.exit(1);
}

function factsOf(
  config: AgentConfig,
  { bootId, version, hypervisor }: { bootId: string; version: string; hypervisor: HypervisorFacts | null },
): NodeFacts {
  return {
    name: config.node,
    role: config.role,
    addresses: config.addresses,
    apiUrl: config.api.url,
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
    startedAt: new Date().toISOString(),
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
  return { name: config.clusterName, id: randomIds.uuid(), createdAt: new Date().toISOString() };
}

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
