import { type Static, Type } from 'typebox';
import { nodeViewSchema } from './cluster.ts';
import { eventViewSchema } from './events.ts';
import { route } from './route.ts';
import { bytes, exact, isoTime, list, ms, nameParams, nullable, oneOf } from './shapes.ts';

const nodeDrainSchema = exact({
  id: Type.String(),
  requestedAt: isoTime,
  /** VMs that were on the node when the drain began. */
  vms: list(Type.String()),
  /** Moves that have failed. */
  failures: list(exact({ vm: Type.String(), tries: Type.Integer(), reason: Type.String(), at: isoTime })),
  /** `blocked`: nothing moves and nothing will, until something else changes; `ended`: it is done, or was cancelled. */
  state: oneOf(['moving', 'blocked', 'ended']),
  /** How far it is, one sentence. */
  text: Type.String(),
  /** VMs that cannot leave now. */
  blockers: list(exact({ vm: Type.String(), reasons: list(Type.String()) })),
});

/** How a node's power is switched. Secret values are shown as "***". */
const fencingSchema = exact({
  agent: Type.String(),
  options: Type.Record(Type.String(), Type.String()),
});

/** All that is known of one member. */
export const nodeDetailSchema = exact({
  ...nodeViewSchema.properties,
  /** Why it is in this state, one sentence. */
  reason: Type.String(),
  /** Since when this agent has not seen a heartbeat of it; null while it beats. */
  silentForMs: nullable(ms),
  bootId: Type.String(),
  agentStartedAt: isoTime,
  membership: nullable(
    exact({
      state: oneOf(['member', 'fenced']),
      since: isoTime,
      /** How it was known that it ran nothing any more; null for a member. */
      evidence: nullable(Type.String()),
      reason: nullable(Type.String()),
    }),
  ),
  service: exact({
    mode: oneOf(['active', 'paused', 'draining']),
    since: nullable(isoTime),
    by: nullable(Type.String()),
    drain: nullable(nodeDrainSchema),
  }),
  /** When it was fenced lately, newest last. */
  fencedAt: list(isoTime),
  quarantinedUntil: nullable(isoTime),
  /** How the others may take its VMs over when it falls silent. */
  takeover: nullable(
    exact({
      voters: list(Type.String()),
      votesNeeded: Type.Integer(),
      /** Silence after which the voters may vote; null: only on proof that it is dead. */
      afterMs: nullable(ms),
      /** Voters that have voted that it is gone. */
      votes: list(Type.String()),
    }),
  ),
  /** Null: it has no guard. */
  guard: nullable(
    exact({
      /** As the watchdog's driver granted it; null: no armed watchdog. */
      watchdogMs: nullable(ms),
      latencyMaxMs: ms,
      frozen: Type.Boolean(),
    }),
  ),
  powerFencing: nullable(fencingSchema),
  /** The newest events about it, oldest first. */
  events: list(eventViewSchema),
});
export type NodeDetail = Static<typeof nodeDetailSchema>;

export const getNode = route({
  method: 'GET',
  path: '/nodes/:name',
  summary: 'One member of the cluster.',
  params: nameParams,
  response: { 200: nodeDetailSchema },
});

export const pauseNode = route({
  method: 'POST',
  path: '/nodes/:name/pause',
  summary: 'No VM is placed on the node any more; those on it stay.',
  params: nameParams,
  response: { 200: nodeDetailSchema },
});

export const resumeNode = route({
  method: 'POST',
  path: '/nodes/:name/resume',
  summary: 'The node takes VMs again; a quarantine ends.',
  params: nameParams,
  body: exact({
    /** true: the VMs that its drain has moved away come back; false by default. */
    failback: Type.Optional(Type.Boolean()),
  }),
  response: { 200: nodeDetailSchema },
});

/** VMs that are in the way of a drain, each with all reasons. */
const obstructionsSchema = list(exact({ vm: Type.String(), reasons: list(Type.String()) }));

/** What a drain would do, or has still to do. */
const drainPlanSchema = exact({
  node: Type.String(),
  /** In the order in which they go. */
  moves: list(
    exact({
      vm: Type.String(),
      /** `live`: it is live-migrated; `owner`: it is off, and only its owner changes. */
      how: oneOf(['live', 'owner']),
      /** As things are now; chosen anew when it is its turn. */
      to: Type.String(),
      reason: Type.String(),
      memoryBytes: bytes,
      estimateMs: ms,
    }),
  ),
  /** VMs that would stay, which the drain waits for. */
  blockers: obstructionsSchema,
  /** VMs that are on the move, or whose state changes right now. */
  waiting: obstructionsSchema,
  /** Of all moves together. */
  estimateMs: ms,
  /** What the estimates rest on. */
  basis: Type.String(),
});
export type DrainPlan = Static<typeof drainPlanSchema>;

export const previewDrain = route({
  method: 'GET',
  path: '/nodes/:name/drain',
  summary:
    'What a drain would do, or has still to do: order, estimates and everything that is in its way. Changes nothing.',
  params: nameParams,
  response: { 200: drainPlanSchema },
});

export const drainNode = route({
  method: 'POST',
  path: '/nodes/:name/drain',
  summary: 'All VMs leave the node, running ones by live migration; then it is paused.',
  params: nameParams,
  response: { 202: nodeDetailSchema },
});

export const cancelDrain = route({
  method: 'POST',
  path: '/nodes/:name/cancel-drain',
  summary: 'No further VM leaves; the node stays paused until it is resumed.',
  params: nameParams,
  response: { 200: nodeDetailSchema },
});

export const confirmDead = route({
  method: 'POST',
  path: '/nodes/:name/confirm-dead',
  summary:
    'Says on your word that a silent node runs nothing any more, so that its VMs are brought back elsewhere at once.',
  params: nameParams,
  body: exact({
    /** The node's name once more. */
    confirm: Type.String(),
  }),
  response: { 200: nodeDetailSchema },
});

export const setFencing = route({
  method: 'PUT',
  path: '/nodes/:name/fencing',
  summary: "Says how the node's power is switched.",
  params: nameParams,
  body: exact({
    /** Name of one of Debian's fence agents: "fence_ipmilan", "fence_redfish" … */
    agent: Type.String(),
    /** As the agent takes them: ip, username, password … */
    options: Type.Record(Type.String(), Type.String()),
  }),
  response: { 200: nodeDetailSchema },
});

export const removeFencing = route({
  method: 'DELETE',
  path: '/nodes/:name/fencing',
  summary: "The node's power is not switched any more.",
  params: nameParams,
  response: { 200: nodeDetailSchema },
});

export const testFencing = route({
  method: 'POST',
  path: '/nodes/:name/fencing/test',
  summary: "Asks the node's management controller for the state of its power; switches nothing.",
  params: nameParams,
  response: {
    200: exact({
      state: oneOf(['on', 'off', 'unknown']),
      reason: Type.String(),
      /** The node whose agent has asked. */
      askedBy: Type.String(),
    }),
  },
});
export type FencingTest = Static<(typeof testFencing)['response'][200]>;
