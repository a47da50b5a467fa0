import { type Static, Type } from 'typebox';
import { PRIORITIES } from '../model/availability.ts';
import { eventViewSchema } from './events.ts';
import { route } from './route.ts';
import { exact, isoTime, list, nameParams, nullable, oneOf } from './shapes.ts';

export const highAvailabilityViewSchema = exact({
  /** Whether the cluster brings VMs of dead nodes back by itself. */
  armed: Type.Boolean(),
  /** Null: it has always been armed. */
  since: nullable(isoTime),
  by: nullable(Type.String()),
  reason: nullable(Type.String()),
});
export type HighAvailabilityView = Static<typeof highAvailabilityViewSchema>;

export const getAvailability = route({
  method: 'GET',
  path: '/availability',
  summary: 'Whether the cluster fails over by itself.',
  response: { 200: highAvailabilityViewSchema },
});

export const disarmCluster = route({
  method: 'POST',
  path: '/availability/disarm',
  summary: 'No failover and no self-fencing until it is armed again, e.g. during work on the network.',
  body: exact({ reason: Type.String({ minLength: 1, maxLength: 500 }) }),
  response: { 200: highAvailabilityViewSchema },
});

export const armCluster = route({
  method: 'POST',
  path: '/availability/arm',
  summary: 'The cluster fails over by itself again.',
  response: { 200: highAvailabilityViewSchema },
});

const hour = Type.Integer({ minimum: 0, maximum: 24 });

/** Hours of the day (UTC); may go over midnight. */
const failbackWindow = nullable(exact({ fromHour: hour, toHour: hour }));

const RESTARTS_MAX = 10;

/** How a VM is brought back, and where it may and should be. */
export const vmAvailabilitySchema = exact({
  /** Order of recovery. */
  priority: oneOf(PRIORITIES),
  /** Best first; empty: none is preferred. */
  preferredOwners: list(Type.String()),
  /** Empty: every node. */
  possibleOwners: list(Type.String()),
  /** VMs that share one of these names never run on the same node. */
  antiAffinity: list(Type.String()),
  failback: exact({
    enabled: Type.Boolean(),
    /** When it may happen; null: at once. */
    window: failbackWindow,
  }),
  restart: exact({
    /** How often it is restarted where it is when its QEMU crashes. */
    here: Type.Integer({ minimum: 0, maximum: RESTARTS_MAX }),
    /** How often it is then started on another node. */
    elsewhere: Type.Integer({ minimum: 0, maximum: RESTARTS_MAX }),
  }),
});

const names = list(Type.String({ minLength: 1, maxLength: 63 }));
const restarts = Type.Integer({ minimum: 0, maximum: RESTARTS_MAX });

/** What of a VM can be changed while it runs; what is left out stays as it is. For a new VM: defaults. */
export const vmSettings = {
  priority: Type.Optional(oneOf(PRIORITIES)),
  /** Names of nodes, best first. */
  preferredOwners: Type.Optional(names),
  /** Names of nodes; empty: every node. */
  possibleOwners: Type.Optional(names),
  antiAffinity: Type.Optional(names),
  failback: Type.Optional(exact({ enabled: Type.Optional(Type.Boolean()), window: Type.Optional(failbackWindow) })),
  restart: Type.Optional(exact({ here: Type.Optional(restarts), elsewhere: Type.Optional(restarts) })),
};
const vmSettingsSchema = exact(vmSettings);
export type VmSettings = Static<typeof vmSettingsSchema>;

export const explainVm = route({
  method: 'GET',
  path: '/vms/:name/explanation',
  summary: 'Why a VM is where it is, or why it does not run.',
  params: nameParams,
  response: {
    200: exact({
      /** Sentences, the most important one first. */
      why: list(Type.String()),
      /** What keeps it from running, or from running elsewhere if its node is lost; by node where it is about one. */
      obstacles: list(Type.String()),
      /** The newest events about it, oldest first. */
      events: list(eventViewSchema),
    }),
  },
});
export type VmExplanation = Static<(typeof explainVm)['response'][200]>;
