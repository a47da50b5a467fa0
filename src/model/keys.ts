import type { MigrationId, NodeName, VmName } from './names.ts';

/** The keys of the cluster's database. Everything of Godwit lives below one prefix. Values are JSON. */
export const STORE_PREFIX = '/godwit/';

export const keys = {
  /** ClusterFacts */
  cluster: `${STORE_PREFIX}cluster`,
  nodes: `${STORE_PREFIX}nodes/`,
  /** NodeFacts */
  nodeFacts: (node: NodeName) => `${STORE_PREFIX}nodes/${node}/facts`,
  /** NodeHeartbeat */
  nodeHeartbeat: (node: NodeName) => `${STORE_PREFIX}nodes/${node}/heartbeat`,
  /** NodeMembership; its mod revision is the node's fencing token */
  nodeMembership: (node: NodeName) => `${STORE_PREFIX}nodes/${node}/membership`,
  /** NodeService */
  nodeService: (node: NodeName) => `${STORE_PREFIX}nodes/${node}/service`,
  /** NodeFailures */
  nodeFailures: (node: NodeName) => `${STORE_PREFIX}nodes/${node}/failures`,
  /** NodeFencing */
  nodeFencing: (node: NodeName) => `${STORE_PREFIX}nodes/${node}/fencing`,
  /** NodeAdmission */
  nodeAdmission: (node: NodeName) => `${STORE_PREFIX}nodes/${node}/admission`,
  /** NodeCertificates */
  nodeCertificates: (node: NodeName) => `${STORE_PREFIX}nodes/${node}/certificates`,
  /** Who keeps the store, who may join, who was removed */
  formation: `${STORE_PREFIX}formation/`,
  /** SeatsRecord */
  storeSeats: `${STORE_PREFIX}formation/seats`,
  joinTokens: `${STORE_PREFIX}formation/tokens/`,
  /** JoinTokenRecord */
  joinToken: (id: string) => `${STORE_PREFIX}formation/tokens/${id}`,
  evictions: `${STORE_PREFIX}formation/evicted/`,
  /** Who was let in last; changed with every admission, so that two at once see each other */
  lastAdmission: `${STORE_PREFIX}formation/last-admission`,
  /** RevocationRecord */
  revocations: `${STORE_PREFIX}formation/revocations`,
  /** EvictionRecord */
  eviction: (node: NodeName) => `${STORE_PREFIX}formation/evicted/${node}`,
  votes: `${STORE_PREFIX}votes/`,
  /** NodeVote */
  vote: (subject: NodeName, voter: NodeName) => `${STORE_PREFIX}votes/${subject}/${voter}`,
  /** HighAvailability */
  highAvailability: `${STORE_PREFIX}availability`,
  memory: `${STORE_PREFIX}memory/`,
  /** NodeMemory */
  nodeMemory: (node: NodeName) => `${STORE_PREFIX}memory/${node}`,
  vms: `${STORE_PREFIX}vms/`,
  /** VmRecord */
  vmRecord: (vm: VmName) => `${STORE_PREFIX}vms/${vm}/record`,
  /** VmOwner; its mod revision is the VM's epoch */
  vmOwner: (vm: VmName) => `${STORE_PREFIX}vms/${vm}/owner`,
  /** VmStatus */
  vmStatus: (vm: VmName) => `${STORE_PREFIX}vms/${vm}/status`,
  /** VmActivity; best effort */
  vmActivity: (vm: VmName) => `${STORE_PREFIX}vms/${vm}/activity`,
  /** MigrationIntent; exists only while a migration is open */
  vmIntent: (vm: VmName) => `${STORE_PREFIX}vms/${vm}/intent`,
  /** CancelRequest for the open migration; goes with the intent */
  vmCancel: (vm: VmName) => `${STORE_PREFIX}vms/${vm}/cancel`,
  migrations: `${STORE_PREFIX}migrations/`,
  /** Receipt of a migration that has ended */
  migration: (id: MigrationId) => `${STORE_PREFIX}migrations/${id}`,
  progress: `${STORE_PREFIX}progress/`,
  /** MigrationProgress of an open migration; best effort, written only while the guest runs */
  migrationProgress: (id: MigrationId) => `${STORE_PREFIX}progress/${id}`,
  /** VmName; which VM has the guest address ("10.78.0.101"), so that no two get the same */
  guestAddress: (address: string) => `${STORE_PREFIX}addresses/${address}`,
} as const;

/** Events are not part of the state that every agent holds, so they have a prefix of their own. */
export const EVENTS_PREFIX = '/godwit-events/';

/** ClusterEvent; ids sort by time. */
export const eventKey = (id: string) => `${EVENTS_PREFIX}${id}`;

/** Only for the API, so not part of the state that every agent holds either. */
export const SESSIONS_PREFIX = '/godwit-sessions/';

/** SessionRecord; `id` is the hash of a secret. */
export const sessionKey = (id: string) => `${SESSIONS_PREFIX}${id}`;

/** For those who watch the cluster, not for its decisions. */
export const LOAD_PREFIX = '/godwit-load/';

/** LoadRecord; best effort */
export const loadKey = (node: NodeName) => `${LOAD_PREFIX}${node}`;

export interface ClusterFacts {
  readonly name: string;
  readonly id: string;
  readonly createdAt: string;
}
