import type { FastifyInstance } from 'fastify';
import { armCluster, disarmCluster, getAvailability, type HighAvailabilityView } from '../contract/availability.ts';
import { isoDate } from '../migration/write-receipt.ts';
import type { HighAvailability } from '../model/authority.ts';
import type { ClusterState } from '../model/cluster-state.ts';
import { keys } from '../model/keys.ts';
import { commitChange } from './commit.ts';
import type { ApiContext } from './context.ts';
import { invalid } from './invalid-input.ts';
import { answer, serve } from './resource.ts';

/** Whether the cluster fails over by itself. */
export function serveAvailability(app: FastifyInstance, context: ApiContext): void {
  const shown = () => availabilityView(context.reader.current());
  serve(app, getAvailability, () => answer(200, shown()));
  serve(app, disarmCluster, async ({ body }) => {
    const reason = body.reason.trim();
    if (reason === '') throw invalid('The reason is empty.', 'Say in a few words why; others will wonder.');
    await write(context, false, reason);
    context.events.say({
      ...{ kind: 'availability-disarmed', critical: true, node: null, vm: null },
      text: 'The cluster is disarmed: no VM is brought back, and no node stops its VMs, by itself.',
      reason,
    });
    return answer(200, shown());
  });
  serve(app, armCluster, async () => {
    if (shown().armed) return answer(200, shown());
    const { user } = context.config.administrator;
    await write(context, true, `Armed by ${user}.`);
    context.events.say({
      ...{ kind: 'availability-armed', critical: false, node: null, vm: null },
      text: 'The cluster is armed: it brings VMs of dead nodes back by itself.',
      reason: `Asked for by ${user}.`,
    });
    return answer(200, shown());
  });
}

export function availabilityView({ availability }: ClusterState): HighAvailabilityView {
  if (availability === null) return { armed: true, since: null, by: null, reason: null };
  const { armed, since, by, reason } = availability.value;
  return { armed, since, by, reason };
}

async function write(context: ApiContext, armed: boolean, reason: string): Promise<void> {
  const key = keys.highAvailability;
  const value: HighAvailability = {
    ...{ armed, since: isoDate(context.clock.wallMs()) },
    ...{ by: context.config.administrator.user, reason },
  };
  await commitChange(context, async () => {
    const before = await context.store.get(key);
    return {
      transaction: {
        compare: [{ key, modRevision: before?.modRevision ?? '0' }],
        write: [{ put: key, value }],
      },
      proof: { key, value },
      result: null,
    };
  });
}
