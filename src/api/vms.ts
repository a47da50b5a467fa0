import type { FastifyInstance } from 'fastify';
import { getVm, listVms, type VmView } from '../contract/vms.ts';
import type { ApiContext } from './context.ts';
import type { LoadReader } from './load-history.ts';
import { requireVm } from './read-state.ts';
import { answer, serve } from './resource.ts';
import { shownNow, vmView, vmViews } from './views.ts';

export function serveVms(app: FastifyInstance, context: ApiContext, loads: LoadReader): void {
  const withCpu = (view: VmView): VmView => ({ ...view, cpuPercent: loads.ofVm(view.name, view.owner) });
  serve(app, listVms, () => answer(200, vmViews(shownNow(context.reader)).map(withCpu)));
  serve(app, getVm, ({ params: { name } }) => {
    const shown = shownNow(context.reader);
    return answer(200, withCpu(vmView(shown, requireVm(shown.state, name))));
  });
}
