import type { FastifyInstance } from 'fastify';
import { getVm, listVms } from '../contract/vms.ts';
import type { ApiContext } from './context.ts';
import { requireVm } from './read-state.ts';
import { answer, serve } from './resource.ts';
import { shownNow, vmView, vmViews } from './views.ts';

export function serveVms(app: FastifyInstance, context: ApiContext): void {
  serve(app, listVms, () => answer(200, vmViews(shownNow(context.reader))));
  serve(app, getVm, ({ params: { name } }) => {
    const shown = shownNow(context.reader);
    return answer(200, vmView(shown, requireVm(shown.state, name)));
  });
}
