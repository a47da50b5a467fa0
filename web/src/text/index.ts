// All texts of the console. An area is a file with `en` and `de`; it is a namespace: useTranslation('vms').
import * as actions from './actions.ts';
import * as cluster from './cluster.ts';
import * as consoles from './consoles.ts';
import * as dependencies from './dependencies.ts';
import * as errors from './errors.ts';
import * as events from './events.ts';
import * as frame from './frame.ts';
import * as migrations from './migrations.ts';
import * as newVm from './new-vm.ts';
import * as nodeActions from './node-actions.ts';
import * as nodes from './nodes.ts';
import * as session from './session.ts';
import * as ui from './ui.ts';
import * as vms from './vms.ts';

const areas = {
  actions,
  cluster,
  consoles,
  dependencies,
  errors,
  events,
  frame,
  migrations,
  newVm,
  nodeActions,
  nodes,
  session,
  ui,
  vms,
};

export type Area = keyof typeof areas;
export type English = { [A in Area]: (typeof areas)[A]['en'] };

function inLanguage<L extends 'en' | 'de'>(language: L) {
  return Object.fromEntries(Object.entries(areas).map(([area, texts]) => [area, texts[language]])) as {
    [A in Area]: (typeof areas)[A][L];
  };
}

export const resources = { en: inLanguage('en'), de: inLanguage('de') };
