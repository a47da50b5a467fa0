import type { EventLog } from '../ports/events.ts';
import type { ClusterView } from './cluster-view.ts';

/** Says when this node no longer hears the store, and when it does again; kept on its disk until the store can take it. */
export function tellStoreSilence(node: string, view: ClusterView, events: EventLog): void {
  let wasFresh = view.fresh();
  view.subscribe(() => {
    const fresh = view.fresh();
    if (fresh === wasFresh) return;
    wasFresh = fresh;
    const about = { node, vm: null, critical: !fresh };
    if (fresh) events.say({ ...about, kind: 'store-back', text: `${node} hears the database again.`, reason: '' });
    else {
      events.say({
        ...{ ...about, kind: 'store-unavailable', text: `${node} does not hear the database.` },
        reason: 'VMs go on while enough voters promise; nothing can be changed or brought back until it answers.',
      });
    }
  });
}
