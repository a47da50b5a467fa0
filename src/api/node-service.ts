import type { FastifyInstance } from 'fastify';
import { cancelDrain, drainNode, pauseNode, resumeNode } from '../contract/nodes.ts';
import { failuresAfterResume } from '../failover/quarantine.ts';
import { isoDate } from '../migration/write-receipt.ts';
import type { NodeDrain, NodeFailures, NodeService } from '../model/authority.ts';
import { type NodeEntry, nodeState } from '../model/cluster-state.ts';
import type { NewEvent } from '../model/events.ts';
import { keys } from '../model/keys.ts';
import type { NodeName } from '../model/names.ts';
import { counted } from '../model/units.ts';
import { type Change, commitChange } from './commit.ts';
import type { ApiContext } from './context.ts';
import type { EventReader } from './event-history.ts';
import { readNode, requireNode, requireRunsVms, unsuitableNode } from './node-change.ts';
import { nodeDetail } from './node-detail.ts';
import { existingVms } from './read-state.ts';
import { answer, serve } from './resource.ts';
import { shownNow } from './views.ts';

/** Pause, resume, drain: what the administrator wants of a node. The agents carry it out. */
export function serveNodeService(app: FastifyInstance, context: ApiContext, history: EventReader): void {
  const shown = (name: NodeName) => {
    const now = shownNow(context.reader);
    return nodeDetail(now, requireNode(now.state, name), history);
  };
  serve(app, pauseNode, async ({ params: { name } }) => {
    await changeService(context, name, (entry) => pause(context, entry));
    return answer(200, shown(name));
  });
  serve(app, resumeNode, async ({ params: { name }, body }) => {
    await changeService(context, name, (entry) => resume(context, entry, body.failback === true));
    return answer(200, shown(name));
  });
  serve(app, drainNode, async ({ params: { name } }) => {
    await changeService(context, name, (entry) => drain(context, entry));
    return answer(202, shown(name));
  });
  serve(app, cancelDrain, async ({ params: { name } }) => {
    await changeService(context, name, (entry) => cancel(context, entry));
    return answer(200, shown(name));
  });
}

interface ServiceChange {
  /** Null: it stays as it is. */
  readonly service: NodeService | null;
  /** Only if the change is about them, too. */
  readonly failures?: NodeFailures | null;
  readonly event: Pick<NewEvent, 'kind' | 'text' | 'reason'>;
}

/** `decide`: null if everything is as asked already. The event is said once the change is stored. */
async function changeService(
  context: ApiContext,
  name: NodeName,
  decide: (entry: NodeEntry) => ServiceChange | null,
): Promise<void> {
  const decideNow = async () => {
    const entry = await readNode(context, name);
    requireRunsVms(entry);
    return { entry, change: decide(entry) };
  };
  if ((await decideNow()).change === null) return;
  const event = await commitChange<ServiceChange['event'] | null>(context, async () => {
    const { entry, change } = await decideNow();
    return change === null ? nothing(entry) : changeOf(entry, change);
  });
  if (event !== null) context.events.say({ ...event, critical: false, node: name, vm: null });
}

function changeOf(
  entry: NodeEntry,
  { service, failures = null, event }: ServiceChange,
): Change<ServiceChange['event']> {
  const { name } = entry.facts.value;
  const parts = [
    { key: keys.nodeService(name), before: entry.service, value: service },
    { key: keys.nodeFailures(name), before: entry.failures, value: failures },
  ].flatMap(({ value, ...part }) => (value === null ? [] : [{ ...part, value }]));
  const [proof] = parts;
  if (proof === undefined) return { ...nothing(entry), result: event };
  return {
    transaction: {
      compare: [
        ...parts.map(({ key, before }) => ({ key, modRevision: before?.modRevision ?? '0' })),
        { key: keys.nodeFacts(name), modRevision: entry.facts.modRevision },
      ],
      write: parts.map(({ key, value }) => ({ put: key, value })),
    },
    proof,
    result: event,
  };
}

/** Somebody else has just asked for the same. */
function nothing(entry: NodeEntry): Change<null> {
  const key = keys.nodeFacts(entry.facts.value.name);
  const compare = [{ key, modRevision: entry.facts.modRevision }];
  return { transaction: { compare, write: [] }, proof: { key, value: entry.facts.value }, result: null };
}

function pause(context: ApiContext, entry: NodeEntry): ServiceChange | null {
  const { name } = entry.facts.value;
  const service = entry.service?.value;
  if (service?.mode === 'paused') return null;
  if (service?.mode === 'draining') {
    throw unsuitableNode(
      `${name} is being drained, and is paused when that is done.`,
      `End the drain with \`godwit node cancel-drain ${name}\` if its VMs are to stay.`,
    );
  }
  return { service: serviceOf(context, 'paused', null), event: said(context, 'node-paused', `${name} is paused`) };
}

/** Also ends a quarantine. */
function resume(context: ApiContext, entry: NodeEntry, failback: boolean): ServiceChange | null {
  const { name } = entry.facts.value;
  const before = entry.failures?.value ?? null;
  const failures = failuresAfterResume(before, context.clock.wallMs());
  const service = resumedService(context, entry, failback);
  if (service === null && failures === null) return null;
  const count = service?.drain == null ? 0 : awayVms(context, name, service.drain).length;
  const text = [
    failures === null
      ? `${name} takes VMs again`
      : `${name} takes VMs again: its quarantine until ${before?.quarantinedUntil} is ended`,
    ...(failback ? [`${count} of its VMs come back`] : []),
  ].join('; ');
  return { service, failures, event: said(context, 'node-resumed', text) };
}

/** Null: it is active already. */
function resumedService(context: ApiContext, { service }: NodeEntry, failback: boolean): NodeService | null {
  if (service === null || service.value.mode === 'active') return null;
  // What a drain has moved away is in its record; the agents bring it back as long as the record is there.
  return serviceOf(context, 'active', failback ? (service.value.drain ?? null) : null);
}

function awayVms(context: ApiContext, node: NodeName, { vms }: NodeDrain): string[] {
  const here = new Set(ownedVms(context, node));
  const existing = new Set(existingVms(context.reader.current()).map((vm) => vm.record.value.definition.name));
  return vms.filter((vm) => existing.has(vm) && !here.has(vm));
}

function drain(context: ApiContext, entry: NodeEntry): ServiceChange | null {
  const { name } = entry.facts.value;
  const service = entry.service?.value;
  if (service?.mode === 'draining') return null;
  const state = nodeState({ ...entry, service: null, failures: null }, context.reader.now());
  if (state !== 'up') {
    throw unsuitableNode(
      `${name} is ${state}: its VMs cannot move away from it by themselves.`,
      state === 'down'
        ? `They are brought back elsewhere once ${name} is known to be dead; see \`godwit node show ${name}\`.`
        : `See \`godwit node show ${name}\` for what is wrong with it.`,
    );
  }
  // A second drain of a node that is still paused: whoever resumes it wants back what the first one moved, too.
  const before = service?.drain == null ? [] : awayVms(context, name, service.drain);
  const here = ownedVms(context, name);
  const drainRecord: NodeDrain = {
    ...{ id: context.ids.migrationId(), requestedAt: isoDate(context.clock.wallMs()) },
    ...{ vms: [...new Set([...before, ...here])], failures: {} },
  };
  return {
    service: serviceOf(context, 'draining', drainRecord),
    event: said(context, 'node-paused', `${name} is being drained of ${counted(here.length, 'VM')}`),
  };
}

function cancel(context: ApiContext, entry: NodeEntry): ServiceChange | null {
  const { name } = entry.facts.value;
  const service = entry.service?.value;
  if (service?.mode === 'draining') {
    return {
      service: serviceOf(context, 'paused', service.drain),
      event: said(context, 'drain-cancelled', cancelledText(context, name)),
    };
  }
  throw unsuitableNode(
    `${name} is not being drained.`,
    service?.mode === 'paused'
      ? `It is paused; let it take VMs again with \`godwit node resume ${name}\`.`
      : 'See `godwit node list` for the states of the nodes.',
  );
}

function cancelledText(context: ApiContext, name: NodeName): string {
  const vms = existingVms(context.reader.current()).filter(({ owner }) => owner?.value.node === name);
  const moving = vms.filter(({ intent }) => intent !== null).map(({ record }) => record.value.definition.name);
  const rest = moving.length === 0 ? '' : `; ${moving.join(' and ')} may still leave, as the migration is open`;
  const staying = counted(vms.length - moving.length, 'VM');
  return `The drain of ${name} was cancelled: it is paused, with ${staying} on it${rest}`;
}

function ownedVms(context: ApiContext, node: NodeName): string[] {
  return existingVms(context.reader.current())
    .filter((vm) => vm.owner?.value.node === node)
    .map((vm) => vm.record.value.definition.name);
}

function serviceOf(context: ApiContext, mode: NodeService['mode'], drainRecord: NodeDrain | null): NodeService {
  const { user: by } = context.config.administrator;
  return { mode, since: isoDate(context.clock.wallMs()), by, drain: drainRecord };
}

function said(context: ApiContext, kind: NewEvent['kind'], text: string): ServiceChange['event'] {
  return { kind, text: `${text}.`, reason: `Asked for by ${context.config.administrator.user}.` };
}
