import type { FastifyInstance } from 'fastify';
import { getNode, previewDrain } from '../contract/nodes.ts';
import { planDrain } from '../failover/drain.ts';
import type { ApiContext } from './context.ts';
import type { EventReader } from './event-history.ts';
import { requireNode, requireRunsVms } from './node-change.ts';
import { nodeDetail } from './node-detail.ts';
import { answer, serve } from './resource.ts';
import { shownNow } from './views.ts';

export function serveNodes(app: FastifyInstance, { reader }: ApiContext, history: EventReader): void {
  serve(app, getNode, ({ params: { name } }) => {
    const shown = shownNow(reader);
    return answer(200, nodeDetail(shown, requireNode(shown.state, name), history));
  });
  serve(app, previewDrain, ({ params: { name } }) => {
    const { state, now } = shownNow(reader);
    requireRunsVms(requireNode(state, name));
    return answer(200, planDrain(state, now, name));
  });
}
