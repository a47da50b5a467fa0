/** The agent's process: reads the configuration, picks the adapters, starts the loops. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDisks } from '../adapters/disks/disks.ts';
import { createEtcdStore } from '../adapters/etcd/etcd-store.ts';
import { startEtcdServer } from '../adapters/etcd/etcd-server.ts';
import { FrameSocket } from '../adapters/linux-network/frame-socket.ts';
import { createGuestProbes } from '../adapters/linux-network/guest-probe.ts';
import { createLinuxNetwork } from '../adapters/linux-network/linux-network.ts';
import { createLinuxSwitchover } from '../adapters/linux-network/linux-switchover.ts';
import { readBootId } from '../adapters/node-facts/boot-id.ts';
import { loadAgentConfig } from '../adapters/node-facts/load-agent-config.ts';
import { cpuCount } from '../adapters/node-facts/machine-size.ts';
import { createPeerLink } from '../adapters/peer-link/peer-link.ts';
import { createQemuHypervisor } from '../adapters/qmp/qemu-hypervisor.ts';
import { createPinoLog } from '../adapters/system/pino-log.ts';
import { randomIds } from '../adapters/system/random-ids.ts';
import { systemClock } from '../adapters/system/system-clock.ts';
import { createApiServer } from '../api/server.ts';
import { smallestLimit } from '../migration/bandwidth-limit.ts';
import type { AgentConfig } from '../model/agent-config.ts';
import type { NodeFacts, NodeMigrationFacts } from '../model/node.ts';
import type { HypervisorFacts } from '../ports/hypervisor.ts';
import type { Log } from '../ports/log.ts';
import type { ClusterStore } from '../ports/store.ts';
import { startAgent } from './agent.ts';
import { watchCluster } from './cluster-view.ts';
import { createInstanceRegistry } from './instance-registry.ts';
import { publishNode, startHeartbeat } from './publish-node.ts';

const clock = systemClock;

interface Pki {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

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
  const pki: Pki = {
    ca: readFileSync(config.pki.caCertificate),
    cert: readFileSync(config.pki.certificate),
    key: readFileSync(config.pki.key),
  };
  log.info('The agent starts', { version, role: config.role, bootId });
  await startStoreMember(config, log);
  const store = openStore(config, pki);
  if (config.role === 'witness') await runWitness(config, { store, log, bootId, version });
  else await runNode(config, { store, log, bootId, version, pki });
}

interface Running {
  readonly store: ClusterStore;
  readonly log: Log;
  readonly bootId: string;
  readonly version: string;
}

async function runWitness(config: AgentConfig, { store, log, bootId, version }: Running): Promise<void> {
  await publishNode(factsOf(config, { bootId, version, hypervisor: null }), clusterOf(config), { store, clock, log });
  startHeartbeat(config.node, bootId, { store, clock, log });
}

async function runNode(config: AgentConfig, running: Running & { readonly pki: Pki }): Promise<void> {
  const { store, log, bootId, version, pki } = running;
  const view = watchCluster(store, clock);
  const network = createLinuxNetwork({ switches: config.switches, qemuUser: config.qemu.user, log });
  const hypervisor = createQemuHypervisor({
    binary: config.qemu.binary,
    user: config.qemu.user,
    accelerator: config.qemu.accelerator,
    runtimeDirectory: config.runtimeDirectory,
    logDirectory: config.logDirectory,
    qemuPkiDirectory: config.pki.qemuDirectory,
    ...{ bootId, clock, log, network },
  });
  const disks = createDisks({ qemuUser: config.qemu.user });
  const api = createApiServer({
    ...{ config, store, disks, clock, log, version, reader: view, ids: randomIds, nodeName: config.node },
    tls: { ca: pki.ca.toString(), cert: pki.cert.toString(), key: pki.key.toString() },
  });
  await api.listen({ port: config.api.port, host: '0.0.0.0' });
  const peers = createPeerLink({
    nodeName: config.node,
    listenPort: config.peerPort,
    listenAddress: '0.0.0.0',
    ...{ bootId, clock, log, tls: pki },
  });
  const facts = factsOf(config, { bootId, version, hypervisor: await hypervisor.probe() });
  const instances = createInstanceRegistry();
  const traffic = await trafficPorts(config, log);
  await startAgent({ config, store, view, hypervisor, instances, network, peers, clock, log, ...traffic }, bootId);
  await publishNode(facts, clusterOf(config), { store, clock, log });
  startHeartbeat(config.node, bootId, { store, clock, log });
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

async function startStoreMember(config: AgentConfig, log: Log): Promise<void> {
  const own = config.store.members.find(({ name }) => name === config.node);
  if (config.store.etcdBinary === null || own === undefined) return;
  await startEtcdServer(
    {
      name: own.name,
      address: own.address,
      members: config.store.members,
      clientPort: config.store.clientPort,
      peerPort: config.store.peerPort,
      dataDirectory: join(config.stateDirectory, 'etcd'),
      runtimeDirectory: config.runtimeDirectory,
      logFile: join(config.logDirectory, 'etcd.log'),
      binary: config.store.etcdBinary,
      clusterToken: config.clusterName,
      pki: { caCertificate: config.pki.caCertificate, certificate: config.pki.certificate, key: config.pki.key },
    },
    clock,
    log,
  );
}

function openStore(config: AgentConfig, pki: Pki): ClusterStore {
  const port = config.store.clientPort;
  const endpoints = config.store.members.map(({ name, address }) => ({ name, address, port }));
  const local = endpoints.some(({ name }) => name === config.node) ? { localFirst: config.node } : {};
  return createEtcdStore({ endpoints, ...local, ...pki, clock });
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
