import { createDOMRenderer, FluentProvider, RendererProvider, Toaster } from '@fluentui/react-components';
import { lazy, useEffect } from 'react';
import { Redirect, Route, Switch } from 'wouter';
import { Frame } from './frame/frame.tsx';
import { SessionGate } from './session/session-gate.tsx';
import { giveStylesTheNonce } from './style-nonce.ts';
import { AppearanceProvider, useAppearance } from './ui/appearance.tsx';
import { TOASTER_ID } from './ui/use-run.tsx';
import { LazyPage } from './ui/lazy-page.tsx';

const pages = {
  vms: () => import('./vms/vms-page.tsx'),
  newVm: () => import('./new-vm/new-vm-dialog.tsx'),
  migrations: () => import('./migrations/migrations-page.tsx'),
  migration: () => import('./migrations/migration-page.tsx'),
  nodes: () => import('./nodes/nodes-page.tsx'),
  cluster: () => import('./cluster/cluster-page.tsx'),
  networks: () => import('./cluster/networks-page.tsx'),
  volumes: () => import('./cluster/volumes-page.tsx'),
  events: () => import('./events/events-page.tsx'),
  dependencies: () => import('./dependencies/dependency-page.tsx'),
  console: () => import('./console/console-page.tsx'),
};

/** Once the page is idle all of its code is fetched: it must go on when the node that served it is gone. */
function fetchAllPages(): void {
  for (const load of Object.values(pages)) load().catch(() => undefined);
  import('./console/graphical-console.tsx').catch(() => undefined);
  import('./console/serial-console.tsx').catch(() => undefined);
}

const VmsPage = lazy(async () => ({ default: (await pages.vms()).VmsPage }));
const NewVmDialog = lazy(async () => ({ default: (await pages.newVm()).NewVmDialog }));
const MigrationsPage = lazy(async () => ({ default: (await pages.migrations()).MigrationsPage }));
const MigrationPage = lazy(async () => ({ default: (await pages.migration()).MigrationPage }));
const NodesPage = lazy(async () => ({ default: (await pages.nodes()).NodesPage }));
const ClusterPage = lazy(async () => ({ default: (await pages.cluster()).ClusterPage }));
const NetworksPage = lazy(async () => ({ default: (await pages.networks()).NetworksPage }));
const VolumesPage = lazy(async () => ({ default: (await pages.volumes()).VolumesPage }));
const EventsPage = lazy(async () => ({ default: (await pages.events()).EventsPage }));
const DependencyPage = lazy(async () => ({ default: (await pages.dependencies()).DependencyPage }));
const ConsolePage = lazy(async () => ({ default: (await pages.console()).ConsolePage }));

/** Griffel makes style elements; the page's Content-Security-Policy lets in those with its nonce. */
function styleRenderer() {
  const nonce = giveStylesTheNonce();
  return createDOMRenderer(document, { styleElementAttributes: nonce === undefined ? {} : { nonce } });
}

const renderer = styleRenderer();

export function App() {
  return (
    <RendererProvider renderer={renderer}>
      <AppearanceProvider>
        <Themed />
      </AppearanceProvider>
    </RendererProvider>
  );
}

const IDLE_MS = 3000;

function Themed() {
  const { theme } = useAppearance();
  useEffect(() => {
    const timer = window.setTimeout(fetchAllPages, IDLE_MS);
    return () => window.clearTimeout(timer);
  }, []);
  return (
    <FluentProvider theme={theme}>
      <SessionGate>
        <Switch>
          <Route path="/vms/:name/console/:kind">
            {({ name, kind }) => (
              <LazyPage>
                <ConsolePage vm={name} kind={kind === 'serial' ? 'serial' : 'vnc'} />
              </LazyPage>
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
    <LazyPage>
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
    </LazyPage>
  );
}
