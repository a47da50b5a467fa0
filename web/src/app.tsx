import { createDOMRenderer, FluentProvider, RendererProvider, Toaster } from '@fluentui/react-components';
import { lazy } from 'react';
import { Redirect, Route, Switch } from 'wouter';
import { Frame } from './frame/frame.tsx';
import { SessionGate } from './session/session-gate.tsx';
import { giveStylesTheNonce } from './style-nonce.ts';
import { TasteProvider, useTaste } from './ui/taste.tsx';
import { TOASTER_ID } from './ui/use-run.tsx';
import { PatientPage } from './ui/patient-page.tsx';

const VmsPage = lazy(async () => ({ default: (await import('./vms/vms-page.tsx')).VmsPage }));
const NewVmDialog = lazy(async () => ({ default: (await import('./new-vm/new-vm-dialog.tsx')).NewVmDialog }));
const MigrationsPage = lazy(async () => ({
  default: (await import('./migrations/migrations-page.tsx')).MigrationsPage,
}));
const MigrationPage = lazy(async () => ({ default: (await import('./migrations/migration-page.tsx')).MigrationPage }));
const NodesPage = lazy(async () => ({ default: (await import('./nodes/nodes-page.tsx')).NodesPage }));
const ClusterPage = lazy(async () => ({ default: (await import('./cluster/cluster-page.tsx')).ClusterPage }));
const NetworksPage = lazy(async () => ({ default: (await import('./cluster/networks-page.tsx')).NetworksPage }));
const VolumesPage = lazy(async () => ({ default: (await import('./cluster/volumes-page.tsx')).VolumesPage }));
const EventsPage = lazy(async () => ({ default: (await import('./events/events-page.tsx')).EventsPage }));
const DependencyPage = lazy(async () => ({
  default: (await import('./dependencies/dependency-page.tsx')).DependencyPage,
}));
const ConsolePage = lazy(async () => ({ default: (await import('./console/console-page.tsx')).ConsolePage }));

/** Griffel makes style elements; the page's Content-Security-Policy lets in those with its nonce. */
function styleRenderer() {
  const nonce = giveStylesTheNonce();
  return createDOMRenderer(document, { styleElementAttributes: nonce === undefined ? {} : { nonce } });
}

const renderer = styleRenderer();

export function App() {
  return (
    <RendererProvider renderer={renderer}>
      <TasteProvider>
        <Themed />
      </TasteProvider>
    </RendererProvider>
  );
}

function Themed() {
  const { theme } = useTaste();
  return (
    <FluentProvider theme={theme}>
      <SessionGate>
        <Switch>
          <Route path="/vms/:name/console/:kind">
            {({ name, kind }) => (
              <PatientPage>
                <ConsolePage vm={name} kind={kind === 'serial' ? 'serial' : 'vnc'} />
              </PatientPage>
            )}
          </Route>
          <Route>
            <Frame>
              <Pages />
            </Frame>
          </Route>
        </Switch>
      </SessionGate>
      <Toaster toasterId={TOASTER_ID} position="bottom-end" limit={5} />
    </FluentProvider>
  );
}

function Pages() {
  return (
    <PatientPage>
      <Switch>
        <Route path="/">
          <ClusterPage />
        </Route>
        <Route path="/new-vm">
          <VmsPage />
          <NewVmDialog />
        </Route>
        <Route path="/vms/:name/dependencies">{({ name }) => <DependencyPage vm={name} />}</Route>
        <Route path="/vms/:name?">{({ name }) => <VmsPage {...(name !== undefined && { name })} />}</Route>
        <Route path="/nodes/:name?">{({ name }) => <NodesPage {...(name !== undefined && { name })} />}</Route>
        <Route path="/migrations">
          <MigrationsPage />
        </Route>
        <Route path="/migrations/:id">{({ id }) => <MigrationPage key={id} id={id} />}</Route>
        <Route path="/volumes">
          <VolumesPage />
        </Route>
        <Route path="/networks">
          <NetworksPage />
        </Route>
        <Route path="/events">
          <EventsPage />
        </Route>
        <Route>
          <Redirect to="/" replace />
        </Route>
      </Switch>
    </PatientPage>
  );
}
