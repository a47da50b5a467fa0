import {
  CounterBadge,
  FlatTree,
  FlatTreeItem,
  makeStyles,
  mergeClasses,
  tokens,
  TreeItemLayout,
} from '@fluentui/react-components';
import {
  AlertRegular,
  ArrowSwapRegular,
  DesktopRegular,
  HardDriveRegular,
  OrganizationRegular,
  PlugConnectedRegular,
  ServerRegular,
} from '@fluentui/react-icons';
import { type ReactElement, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { useCluster, useLive, useNodes } from '../live/live-hooks.ts';
import { StateDot } from '../ui/state-badge.tsx';
import { nodeTone, type Tone } from '../ui/tones.ts';

const useStyles = makeStyles({
  tree: { padding: tokens.spacingHorizontalS },
  item: { whiteSpace: 'nowrap' },
  chosen: { backgroundColor: tokens.colorSubtleBackgroundSelected, fontWeight: tokens.fontWeightSemibold },
});

interface Place {
  readonly path: string;
  readonly level: number;
  readonly parent: string | null;
  readonly label: string;
  readonly icon: ReactElement;
  readonly aside?: ReactElement;
  readonly branch: boolean;
}

/** How a place looks. */
interface Shown {
  readonly label: string;
  readonly icon: ReactElement;
  readonly aside?: ReactElement | undefined;
}

/** The cluster and what is in it, each with its state. */
export function NavigationTree({ onChosen }: { readonly onChosen?: () => void }) {
  const styles = useStyles();
  const { t } = useTranslation('frame');
  const [location, navigate] = useLocation();
  const places = usePlaces();
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const shown = places.filter(({ parent }) => parent === null || !closed.has(parent));
  const go = (path: string) => {
    // Enter arrives as a click, too: one step in the history is enough.
    if (window.location.pathname !== path) navigate(path);
    onChosen?.();
  };
  return (
    <FlatTree
      aria-label={t('navigation')}
      size="small"
      className={styles.tree}
      openItems={places.map(({ path }) => path).filter((path) => !closed.has(path))}
      onOpenChange={(_event, { value, open, type }) => {
        // A click on the name and Enter go there; only the arrows, the drawn one and the keys, open and close.
        if (type === 'Click' || type === 'Enter') return;
        const next = new Set(closed);
        if (open) next.delete(String(value));
        else next.add(String(value));
        setClosed(next);
      }}
    >
      {shown.map((place) => (
        <FlatTreeItem
          key={place.path}
          value={place.path}
          {...(place.parent !== null && { parentValue: place.parent })}
          itemType={place.branch ? 'branch' : 'leaf'}
          aria-level={place.level}
          {...positionOf(place, shown)}
          {...(isAt(location, place.path) && { 'aria-current': 'page' as const })}
          onClick={(event) => {
            if (!(event.target as Element).closest('.fui-TreeItemLayout__expandIcon')) go(place.path);
          }}
          onKeyDown={(event) => event.key === 'Enter' && go(place.path)}
        >
          <TreeItemLayout
            iconBefore={place.icon}
            {...(place.aside !== undefined && { aside: place.aside })}
            className={mergeClasses(styles.item, isAt(location, place.path) && styles.chosen)}
          >
            {place.label}
          </TreeItemLayout>
        </FlatTreeItem>
      ))}
    </FlatTree>
  );
}

/** Among its siblings, as screen readers say it: "3 of 7". */
function positionOf({ path, parent }: Place, shown: readonly Place[]) {
  const siblings = shown.filter((other) => other.parent === parent);
  return {
    'aria-posinset': siblings.findIndex((other) => other.path === path) + 1,
    'aria-setsize': siblings.length,
  };
}

function isAt(location: string, path: string): boolean {
  if (path === '/vms') return location === '/new-vm' || location.startsWith('/vms');
  if (path === '/migrations') return location.startsWith('/migrations');
  return location === path;
}

function usePlaces(): readonly Place[] {
  const { t } = useTranslation(['frame', 'ui']);
  const nodes = useNodes();
  const counts = useCounts();
  const cluster = useCluster();
  const held = cluster === null || !cluster.quorum.held ? 'lost' : cluster.survival.survives ? 'survives' : 'atRisk';
  return useMemo(() => {
    const place = (path: string, { label, icon, aside }: Shown): Place => ({
      ...{ path, label, icon, level: 2, parent: '/', branch: false },
      ...(aside !== undefined && { aside }),
    });
    const failed = count(counts.failed, t('frame:failedVms', { count: counts.failed }));
    const root = place('/', {
      label: cluster?.name ?? 'Cluster',
      icon: <OrganizationRegular />,
      aside: cluster === null ? undefined : dot(CLUSTER_TONES[held], t(`frame:clusterStates.${held}`)),
    });
    return [
      { ...root, level: 1, parent: null, branch: true },
      place('/vms', { label: t('frame:vms'), icon: <DesktopRegular />, aside: failed ?? count(counts.vms) }),
      {
        ...place('/nodes', { label: t('frame:nodes'), icon: <ServerRegular />, aside: count(nodes.length) }),
        branch: true,
      },
      ...nodes.map(({ name, state }) => ({
        ...place(`/nodes/${name}`, {
          label: name,
          icon: <ServerRegular />,
          aside: dot(nodeTone(state), t(`ui:nodeStates.${state}`)),
        }),
        level: 3,
        parent: '/nodes',
      })),
      place('/volumes', { label: t('frame:volumes'), icon: <HardDriveRegular /> }),
      place('/networks', { label: t('frame:networks'), icon: <PlugConnectedRegular /> }),
      place('/migrations', { label: t('frame:migrations'), icon: <ArrowSwapRegular />, aside: count(counts.open) }),
      place('/events', {
        label: t('frame:events'),
        icon: <AlertRegular />,
        aside: count(counts.critical, t('frame:criticalEvents', { count: counts.critical })),
      }),
    ];
  }, [t, nodes, counts, cluster, held]);
}

const CLUSTER_TONES = { survives: 'good', atRisk: 'warning', lost: 'bad' } as const;

function dot(tone: Tone, text: string): ReactElement {
  return <StateDot tone={tone} text={text} />;
}

/** `critical`: what the number counts, where it is a bad sign. */
function count(of: number, critical?: string): ReactElement | undefined {
  if (of === 0) return undefined;
  return (
    <CounterBadge
      count={of}
      overflowCount={9999}
      size="small"
      appearance="filled"
      color={critical === undefined ? 'informative' : 'danger'}
      {...(critical !== undefined && { role: 'img', 'aria-label': critical, title: critical })}
    />
  );
}

function useCounts() {
  const vms = useLive((state) => state.vms);
  const migrations = useLive((state) => state.migrations);
  const events = useLive((state) => state.events);
  return useMemo(() => {
    const all = [...vms.values()];
    return {
      vms: all.length,
      failed: all.filter(({ state }) => state === 'failed').length,
      open: [...migrations.values()].filter(({ state }) => state === 'open').length,
      critical: events.filter((event) => event.critical).length,
    };
  }, [vms, migrations, events]);
}
