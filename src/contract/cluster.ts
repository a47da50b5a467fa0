import { type Static, Type } from 'typebox';
import { NODE_STATES } from '../model/node.ts';
import { highAvailabilityViewSchema } from './availability.ts';
import { route } from './route.ts';
import { bytes, exact, list, ms, nullable, oneOf, rate } from './shapes.ts';

/** A member of the cluster as shown to the user; a witness has role `witness` and no memory for VMs. */
export const nodeViewSchema = exact({
  name: Type.String(),
  role: oneOf(['node', 'witness']),
  state: oneOf(NODE_STATES),
  /** Names of the VMs it owns. */
  vms: list(Type.String()),
  addresses: list(Type.String()),
  memory: exact({ capacityBytes: bytes, freeBytes: bytes }),
  cpus: Type.Integer(),
  qemuVersion: nullable(Type.String()),
  accelerator: nullable(oneOf(['kvm', 'tcg'])),
  agentVersion: Type.String(),
  apiUrl: Type.String(),
  /** Virtual switches that exist there. */
  switches: list(Type.String()),
  /** Volumes mounted there. */
  volumes: list(exact({ name: Type.String(), path: Type.String() })),
  /** Over what guest memory reaches and leaves it. */
  migration: exact({
    address: Type.String(),
    /** The network only for migrations, in CIDR notation; null: they go over the cluster network. */
    network: nullable(Type.String()),
    /** Per migration; null: as fast as the link allows. */
    bandwidthBytesPerSecond: nullable(rate),
  }),
});
export type NodeView = Static<typeof nodeViewSchema>;

export const listNodes = route({
  method: 'GET',
  path: '/nodes',
  summary: 'All members of the cluster, by name, the witness among them.',
  response: { 200: list(nodeViewSchema) },
});

export const healthSchema = exact({
  /** Whether this agent can answer for the cluster. */
  ready: Type.Boolean(),
  node: Type.String(),
  version: Type.String(),
  /** false while the cluster's database has not been heard for some seconds. */
  storeFresh: Type.Boolean(),
});
export type Health = Static<typeof healthSchema>;

export const getHealth = route({
  method: 'GET',
  path: '/health',
  summary: 'Whether this agent is ready; 503 while it is not.',
  signedIn: false,
  response: { 200: healthSchema, 503: healthSchema },
});

/** How a node is kept from running VMs that others have taken over. */
const nodeFencingViewSchema = exact({
  node: Type.String(),
  /**
   * Whether it may run highly available VMs now: `held`; `promised`: it is cut off from the database, but voters have promised to wait;
   * `ended`: it stands still or is fenced; `unknown`: it is silent.
   */
  authority: oneOf(['held', 'promised', 'ended', 'unknown']),
  /** As the watchdog's driver granted it; null: no armed watchdog. */
  watchdogMs: nullable(ms),
  /** Silence after which the others may take its VMs over by vote; null: only on proof that it is dead. */
  takeoverMs: nullable(ms),
  votesNeeded: nullable(Type.Integer()),
  voters: list(Type.String()),
  /** Fence agent that switches its power; null: none. */
  powerFencing: nullable(Type.String()),
});

/** Whether the VMs would fit on the rest of the cluster if any one node were lost. */
const survivalViewSchema = exact({
  survives: Type.Boolean(),
  /** The verdict, one sentence. */
  text: Type.String(),
  nodes: list(
    exact({
      /** The node that is lost. */
      node: Type.String(),
      survives: Type.Boolean(),
      /** Where its highly available VMs would go, in the order of their recovery. */
      moves: list(exact({ vm: Type.String(), to: Type.String() })),
      /** Those that would have no place. */
      misfits: list(exact({ vm: Type.String(), memoryBytes: bytes, reason: Type.String() })),
      /** VMs on it that are not highly available. */
      notProtected: list(Type.String()),
    }),
  ),
});

export const clusterViewSchema = exact({
  name: Type.String(),
  id: nullable(Type.String()),
  nodes: exact({ total: Type.Integer(), up: Type.Integer() }),
  quorum: exact({
    /** Whether more than half of the members are healthy. */
    held: Type.Boolean(),
    healthy: Type.Integer(),
    total: Type.Integer(),
    members: list(
      exact({
        name: Type.String(),
        healthy: Type.Boolean(),
        leader: Type.Boolean(),
        version: nullable(Type.String()),
      }),
    ),
  }),
  /** null: the cluster has none. */
  witness: nullable(exact({ name: Type.String(), state: oneOf(NODE_STATES) })),
  /** Number of VMs, in all and by state (states without any are left out). */
  vms: exact({ total: Type.Integer(), byState: Type.Record(Type.String(), Type.Integer()) }),
  openMigrations: Type.Integer(),
  availability: highAvailabilityViewSchema,
  failover: exact({
    /** Whether VMs of every node would be brought back without anybody's confirmation. */
    automatic: Type.Boolean(),
    /** Why not, and what to do about it. */
    notes: list(Type.String()),
  }),
  survival: survivalViewSchema,
  /** By node; witnesses run no VM and are left out. */
  fencing: list(nodeFencingViewSchema),
  /** Every version in use, sorted. */
  versions: exact({ agent: list(Type.String()), qemu: list(Type.String()), store: list(Type.String()) }),
  /** Whether this answer is current; false: the store is silent, this is what was last known. */
  fresh: Type.Boolean(),
});
export type ClusterView = Static<typeof clusterViewSchema>;

export const getCluster = route({
  method: 'GET',
  path: '/cluster',
  summary: 'The cluster at a glance: members, quorum, witness, VMs.',
  response: { 200: clusterViewSchema },
});
