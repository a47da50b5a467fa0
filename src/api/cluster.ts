import type { FastifyInstance } from 'fastify';
import { getCluster, getHealth, listNodes } from '../contract/cluster.ts';
import { nodeState } from '../model/cluster-state.ts';
import type { ApiContext } from './context.ts';
import { answer, serve } from './resource.ts';
import { isServing } from './vm-state-checks.ts';
import { clusterView, nodeViews, shownNow } from './views.ts';

export function serveCluster(app: FastifyInstance, context: ApiContext): void {
  const { reader, store, nodeName, version, config } = context;
  serve(app, getHealth, () => {
    const storeFresh = reader.fresh();
    // Ready: the store is heard, and this agent's heartbeat is in it.
    const own = reader.current().nodes.get(nodeName);
    const ready = storeFresh && own !== undefined && isServing(nodeState(own, reader.now()));
    return answer(ready ? 200 : 503, { ready, node: nodeName, version, storeFresh });
  });
  serve(app, getCluster, async () => {
    const members = await store.members();
    const more = { name: config.clusterName, members, fresh: reader.fresh() };
    return answer(200, clusterView(shownNow(reader), more));
  });
  serve(app, listNodes, () => answer(200, nodeViews(shownNow(reader))));
}
