/** The agent's process: reads the configuration, picks the adapters, starts the loops. */
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createVmSlices } from '../adapters/control-groups/vm-slices.ts';
import { createEtcdStore, type EtcdStore } from '../adapters/etcd/etcd-store.ts';
import { startEtcdServer } from '../adapters/etcd/etcd-server.ts';
import { createEventLog } from '../adapters/event-log/event-log.ts';
import { createGuardLink } from '../adapters/guard-link/guard-link.ts';
import { createLocalNotes } from '../adapters/local-notes/local-notes.ts';
import { readBootId } from '../adapters/node-facts/boot-id.ts';
import { readAgentConfig } from '../adapters/node-facts/read-agent-config.ts';
import { createPeerLink } from '../adapters/peer-link/peer-link.ts';
import { openIdentity } from '../adapters/pki/identity-files.ts';
import { revocationFiles, revocationList } from '../adapters/pki/revocation-files.ts';
import { createPinoLog } from '../adapters/system/pino-log.ts';
import { randomIds } from '../adapters/system/random-ids.ts';
import { systemClock } from '../adapters/system/system-clock.ts';
import type { AgentConfig } from '../model/agent-config.ts';
import { keys } from '../model/keys.ts';
import type { Log } from '../ports/log.ts';
import type { LocalNotes } from '../ports/notes.ts';
import type { NodeIdentity } from '../ports/pki.ts';
import type { ClusterStore } from '../ports/store.ts';
import { AgentLife } from './agent-life.ts';
import { watchCluster } from './cluster-view.ts';
import { createInstanceRegistry } from './instance-registry.ts';
import { KnownRevisions } from './known-revisions.ts';
import type { Authority } from './node-authority.ts';
import { MemberEnds } from './member-ends.ts';
import { takeStanding } from './node-standing.ts';
import { type OwnMember, OwnSeat } from './own-seat.ts';
import { Revocations } from './revocations.ts';

const clock = systemClock;
const EVICTION_LOOK_MS = 300;
const FIRST_PROOF_MS = 2000;

/** Runs the agent (or, with `role: witness`, the witness) of this machine until the process ends. */
export async function runAgent(configPath: string): Promise<void> {
  const version = readVersion();
  const config = await readAgentConfig(configPath, version);
  const log = createPinoLog({ fields: { node: config.node } });
  process.on('unhandledRejection', (error) => log.error('A promise failed unobserved', { error }));
  for (const directory of [config.stateDirectory, config.runtimeDirectory, config.logDirectory]) {
    mkdirSync(directory, { recursive: true });
  }
  const bootId = await readBootId(config.runtimeDirectory);
  const identity = openNodeIdentity(config);
  log.info('The agent starts', { version, role: config.role, bootId });
  const notes = createLocalNotes(join(config.stateDirectory, 'notes'));
  const files = revocationFiles({ ...config.pki, qemuDirectory: qemuDirectory(config) });
  const revocations = new Revocations({ notes, files, clock, log });
  await revocations.prepareFiles();
  const memberEnds = new MemberEnds(config.node, clock);
  const seat = ownSeat(config, { notes, memberEnds, log });
  const cluster = new X509Certificate(identity.current().ca).fingerprint256;
  const history = new KnownRevisions({ cluster, notes, clock, log });
  history.whenGoneBack(() => seat.giveUp());
  await seat.start();
  const store = openStore(config, { identity, seat, revocations, history });
  seat.follow(store, store.seats, () => endEvicted(log));
  revocations.follow(store);
  const heard = await refuseEvicted(config, store, log);
  const standing = standIn(config, { store, log, bootId, version, identity, notes, seat, revocations });
  if (!heard) askOthers(config, standing);
  memberEnds.tell(standing.events);
  const life = new AgentLife({ ...standing, node: config.node, clock });
  endWhenAsked(life);
  await firstProof(standing.standing.authority);
  // Only now the bulk of the code: to load it takes a second, in which nothing else happens.
  const { runNode, runWitness } = await import('./run-node.ts');
  await (config.role === 'witness' ? runWitness : runNode)(config, standing);
  await life.started();
}

/** QEMU, the guard and the database's member are processes of their own, and run on. A second signal ends it at once. */
function endWhenAsked(life: AgentLife): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void life.end().finally(() => process.exit(0)));
  }
}

/** Resolves with the first authority, or after a while without. */
async function firstProof(authority: Authority): Promise<void> {
  const giveUpAtMs = clock.monotonicMs() + FIRST_PROOF_MS;
  while (!authority.holds() && clock.monotonicMs() < giveUpAtMs) await clock.sleep(10);
}

interface Running {
  readonly store: EtcdStore;
  readonly log: Log;
  readonly bootId: string;
  readonly version: string;
  readonly identity: NodeIdentity;
  readonly notes: LocalNotes;
  readonly seat: OwnSeat;
  readonly revocations: Revocations;
}

/** First of all this node's standing in the cluster: the guests' right to run lasts for seconds only. */
function standIn(config: AgentConfig, running: Running) {
  const { store, log, bootId, identity, notes, seat, revocations } = running;
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
    isRevoked: (serial) => revocations.isRevoked(serial),
    onRevoked: () => endEvicted(log),
  });
  const standing = takeStanding(
    { store, view, peers, guard, notes, clock, log, events, instances, slices },
    {
      ...{ node: config.node, role: config.role, bootId, agentId: randomIds.uuid() },
      admission: config.admission ?? null,
      onReplaced: () => endEvicted(log),
      storeMembers: () => seat.members().map(({ name }) => name),
    },
  );
  return { ...running, view, instances, events, slices, peers, standing };
}

/** What `main.ts` has begun when the rest of the agent's code is loaded. */
export type StandingNode = ReturnType<typeof standIn>;

/** A store that refuses this node's certificate says nothing at all. Another agent says why, and this one ends. */
function askOthers({ node, peerPort }: AgentConfig, { seat, peers }: StandingNode): void {
  for (const { name, address } of seat.members()) if (name !== node) peers.peer(name, [address], peerPort);
}

interface SeatPorts {
  readonly notes: LocalNotes;
  readonly memberEnds: MemberEnds;
  readonly log: Log;
}

function ownSeat(config: AgentConfig, { notes, memberEnds, log }: SeatPorts): OwnSeat {
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
        onEnd: (words) => memberEnds.ended(words),
        pki: etcdPki(config),
      },
      clock,
      log,
    );
  const canHaveSeat = etcdBinary !== null;
  return new OwnSeat({ node: config.node, members, canHaveSeat, clientPort, notes, startMember, clock, log });
}

/** Without the list only where it was lost, or the cluster is older than it. */
function etcdPki({ pki: { caCertificate, certificate, key } }: AgentConfig) {
  const list = revocationList({ caCertificate });
  return { caCertificate, certificate, key, ...(existsSync(list) && { revocationList: list }) };
}

function openStore(
  config: AgentConfig,
  {
    identity,
    seat,
    revocations,
    history,
  }: Pick<Running, 'identity' | 'seat' | 'revocations'> & { readonly history: KnownRevisions },
): EtcdStore {
  const port = config.store.clientPort;
  const endpoints = seat.members().map(({ name, address }) => ({ name, address, port }));
  const { ca, cert, key } = identity.current();
  const pem = { ca: Buffer.from(ca), cert: Buffer.from(cert), key: Buffer.from(key) };
  const isRevoked = (serial: string) => revocations.isRevoked(serial);
  return createEtcdStore({ endpoints, localFirst: config.node, ...pem, isRevoked, history, clock });
}

function openNodeIdentity(config: AgentConfig): NodeIdentity {
  return openIdentity(
    { ...config.pki, qemuDirectory: qemuDirectory(config) },
    config.node,
    config.qemu.user?.gid ?? null,
  );
}

function qemuDirectory({ role, pki }: AgentConfig): string | null {
  return role === 'node' ? pki.qemuDirectory : null;
}

/** Ahead of the first heartbeat. A store that does not answer at once is not waited for: guests' authority lasts for seconds only. False: it did not. */
async function refuseEvicted(config: AgentConfig, store: ClusterStore, log: Log): Promise<boolean> {
  const answer = await store.get(keys.eviction(config.node), EVICTION_LOOK_MS).then(
    (entry) => ({ evicted: entry !== undefined }),
    () => undefined,
  );
  if (answer?.evicted === true) endEvicted(log);
  return answer !== undefined;
}

/** Its certificate is refused from now on; whatever starts it again will see the same. */
function endEvicted(log: Log): void {
  log.error('This node was removed from its cluster (NODE_EVICTED): to use it again, let it join anew');
  process.exit(1);
}

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
