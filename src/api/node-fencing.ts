import type { FastifyInstance } from 'fastify';
import { removeFencing, setFencing, testFencing } from '../contract/nodes.ts';
import type { NodeFencing } from '../model/authority.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { isFenceAgentName, whyNotOption } from '../model/fencing-options.ts';
import { keys } from '../model/keys.ts';
import type { NodeName } from '../model/names.ts';
import { commitChange } from './commit.ts';
import type { ApiContext } from './context.ts';
import type { EventReader } from './event-history.ts';
import { invalid } from './invalid-input.ts';
import { readNode, requireNode, requireRunsVms } from './node-change.ts';
import { nodeDetail } from './node-detail.ts';
import { answer, serve } from './resource.ts';
import { shownNow } from './views.ts';

/** Below the server's own limit for a request. */
const TEST_DEADLINE_MS = 8000;
const OPTIONS_MAX = 50;

/** How a node's power is switched: kept in the database, used by the agents of the other nodes. */
export function serveNodeFencing(app: FastifyInstance, context: ApiContext, history: EventReader): void {
  const shown = (name: NodeName) => {
    const now = shownNow(context.reader);
    return nodeDetail(now, requireNode(now.state, name), history);
  };
  serve(app, setFencing, async ({ params: { name }, body }) => {
    checkDevice(body);
    await writeFencing(context, name, { agent: body.agent, options: body.options });
    return answer(200, shown(name));
  });
  serve(app, removeFencing, async ({ params: { name } }) => {
    requireDevice((await readNode(context, name)).fencing?.value ?? null, name);
    await writeFencing(context, name, undefined);
    return answer(200, shown(name));
  });
  serve(app, testFencing, async ({ params: { name } }) => {
    const entry = await readNode(context, name);
    const device = requireDevice(entry.fencing?.value ?? null, name);
    const { state, reason } = await context.fence.status(name, device, TEST_DEADLINE_MS);
    return answer(200, { state, reason, askedBy: context.nodeName });
  });
}

function checkDevice({ agent, options }: NodeFencing): void {
  if (!isFenceAgentName(agent)) {
    throw invalid(`"${agent}" is not the name of a fence agent.`, 'Name one as in fence_ipmilan or fence_redfish.');
  }
  const entries = Object.entries(options);
  if (entries.length > OPTIONS_MAX) throw invalid(`${entries.length} options are too many.`, 'Give fewer.');
  for (const [name, value] of entries) {
    const reason = whyNotOption(name, value);
    if (reason !== null)
      throw invalid(reason, `Leave the option out; \`${agent} -h\` on a node shows those that there are.`);
  }
}

function requireDevice(device: NodeFencing | null, name: NodeName): NodeFencing {
  if (device !== null) return device;
  throw new GodwitError({
    code: 'FENCING_NOT_CONFIGURED',
    message: `It is not known how the power of ${name} is switched.`,
    state: NOTHING_CHANGED,
    nextStep: `Say it with \`godwit node fencing ${name} --agent fence_ipmilan --option ip=ADDRESS …\`.`,
  });
}

async function writeFencing(context: ApiContext, name: NodeName, value: NodeFencing | undefined): Promise<void> {
  await commitChange(context, async () => {
    const entry = await readNode(context, name);
    requireRunsVms(entry);
    const key = keys.nodeFencing(name);
    return {
      transaction: {
        compare: [
          { key, modRevision: entry.fencing?.modRevision ?? '0' },
          { key: keys.nodeFacts(name), modRevision: entry.facts.modRevision },
        ],
        write: [value === undefined ? { delete: key } : { put: key, value }],
      },
      proof: { key, value },
      result: null,
    };
  });
}
