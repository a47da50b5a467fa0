import {
  Badge,
  Button,
  makeStyles,
  Spinner,
  Subtitle2,
  Tab,
  TabList,
  Text,
  tokens,
  Tooltip,
} from '@fluentui/react-components';
import { FullScreenMaximizeRegular, KeyboardRegular } from '@fluentui/react-icons';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import type { ConsoleKind } from '../../../src/contract/console.ts';
import { ConnectionBar } from '../frame/connection-bar.tsx';
import { useVm } from '../live/live-hooks.ts';
import { VmStateBadge } from '../vms/vm-state-badge.tsx';
import type { ConsoleState } from './console-state.ts';
import type { GraphicalControls } from './graphical-console.tsx';

const GraphicalConsole = lazy(async () => ({ default: (await import('./graphical-console.tsx')).GraphicalConsole }));
const SerialConsole = lazy(async () => ({ default: (await import('./serial-console.tsx')).SerialConsole }));

const useStyles = makeStyles({
  page: { display: 'flex', flexDirection: 'column', height: '100dvh', backgroundColor: tokens.colorNeutralBackground1 },
  bar: {
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    gap: tokens.spacingHorizontalM,
    padding: `${tokens.spacingVerticalXS} ${tokens.spacingHorizontalM}`,
    borderBottom: `${tokens.strokeWidthThin} solid ${tokens.colorNeutralStroke2}`,
  },
  gap: { flexGrow: 1 },
  // A guest's screen is dark in both themes.
  screen: { flexGrow: 1, minHeight: 0, position: 'relative', backgroundColor: '#000' },
});

/** The screen of a guest, in a window of its own: graphical or serial, wherever the VM runs. */
export function ConsolePage({ vm: name, kind }: { readonly vm: string; readonly kind: ConsoleKind }) {
  const styles = useStyles();
  const { t } = useTranslation(['consoles', 'ui']);
  const [, navigate] = useLocation();
  const vm = useVm(name);
  const [state, setState] = useState<ConsoleState>({ kind: 'connecting' });
  const controls = useRef<GraphicalControls | null>(null);
  const screen = useRef<HTMLDivElement>(null);
  useEffect(() => {
    document.title = `${name} · ${t('consoles:title')}`;
  }, [name, t]);
  return (
    <div className={styles.page}>
      <ConnectionBar />
      <header className={styles.bar}>
        <Subtitle2 as="h1">{name}</Subtitle2>
        {vm !== undefined && <VmStateBadge vm={vm} />}
        {vm?.owner != null && <Text size={200}>{t('consoles:runsOn', { node: vm.owner })}</Text>}
        <ConnectionBadge state={state} />
        <span className={styles.gap} />
        <TabList
          size="small"
          selectedValue={kind}
          onTabSelect={(_event, { value }) => navigate(`/vms/${encodeURIComponent(name)}/console/${String(value)}`)}
        >
          <Tab value="vnc" disabled={vm?.graphics === false}>
            {t('consoles:graphical')}
          </Tab>
          <Tab value="serial">{t('consoles:serial')}</Tab>
        </TabList>
        {kind === 'vnc' && (
          <Tooltip content={t('consoles:ctrlAltDelLong')} relationship="description">
            <Button size="small" icon={<KeyboardRegular />} onClick={() => controls.current?.ctrlAltDel()}>
              {t('consoles:ctrlAltDel')}
            </Button>
          </Tooltip>
        )}
        <Tooltip content={t('consoles:fullScreen')} relationship="label">
          <Button
            size="small"
            icon={<FullScreenMaximizeRegular />}
            onClick={() => void screen.current?.requestFullscreen()}
          />
        </Tooltip>
      </header>
      <main className={styles.screen} ref={screen} data-console-state={state.kind}>
        <Suspense fallback={<Spinner />}>
          {kind === 'vnc' ? (
            <GraphicalConsole key={`${name} vnc`} vm={name} onState={setState} controls={controls} />
          ) : (
            <SerialConsole key={`${name} serial`} vm={name} onState={setState} />
          )}
        </Suspense>
      </main>
    </div>
  );
}

function ConnectionBadge({ state }: { readonly state: ConsoleState }) {
  const { t } = useTranslation('consoles');
  const color = state.kind === 'open' ? 'success' : state.kind === 'ended' ? 'danger' : 'warning';
  return (
    <span role="status">
      <Badge appearance="tint" color={color} shape="rounded">
        {t(`states.${state.kind}`)}
      </Badge>{' '}
      {state.kind === 'ended' && <Text size={200}>{t(`ends.${state.because}`)}</Text>}
    </span>
  );
}
