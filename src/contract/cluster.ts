import { type Static, Type } from 'typebox';
import { NODE_STATES } from '../model/node.ts';
import { route } from './route.ts';
import { bytes, exact, list, nullable, oneOf } from './shapes.ts';

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
