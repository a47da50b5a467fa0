import {
  Button,
  makeStyles,
  Tab,
  TabList,
  Toolbar,
  ToolbarButton,
  ToolbarDivider,
  tokens,
  Tooltip,
  webLightTheme,
} from '@fluentui/react-components';
import {
  ArrowDownloadRegular,
  PageFitRegular,
  PrintRegular,
  QuestionCircleRegular,
  ZoomInRegular,
  ZoomOutRegular,
} from '@fluentui/react-icons';
import { useQuery } from '@tanstack/react-query';
import { type ReactElement, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { migrateVm } from '../../../src/contract/migrations.ts';
import type { VmView } from '../../../src/contract/vms.ts';
import { useNodes, useVm } from '../live/live-hooks.ts';
import { useClient } from '../session/client-context.ts';
import { EmptyState } from '../ui/empty-state.tsx';
import { formatDateTime } from '../ui/format.ts';
import { Page } from '../ui/page.tsx';
import { VmStateBadge } from '../vms/vm-state-badge.tsx';
import { useAppearance } from '../ui/appearance.tsx';
import { type DependencyGraph, dependencyGraph, type Suitability } from './dependency-graph.ts';
import { layoutGraph } from './dependency-layout.ts';
import { DependencyList } from './dependency-list.tsx';
import { printDrawing, saveSvg } from './export-drawing.ts';
import { GraphDrawing } from './graph-drawing.tsx';
import { usePanZoom } from './use-pan-zoom.ts';

const useStyles = makeStyles({
  root: { display: 'flex', flexDirection: 'column', height: '100%', minHeight: 0 },
  bar: {
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    columnGap: tokens.spacingHorizontalM,
    paddingInline: tokens.spacingHorizontalL,
  },
  tabs: { flexGrow: 1 },
  tools: { flexWrap: 'wrap' },
  place: {
    flexGrow: 1,
    minHeight: '20rem',
    position: 'relative',
    backgroundColor: tokens.colorNeutralBackground2,
    borderTop: `${tokens.strokeWidthThin} solid ${tokens.colorNeutralStroke2}`,
  },
  svg: {
    position: 'absolute',
    inset: 0,
    width: '100%',
    height: '100%',
    touchAction: 'none',
    cursor: 'grab',
    ':active': { cursor: 'grabbing' },
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: '-2px' },
  },
  hint: {
    position: 'absolute',
    left: tokens.spacingHorizontalM,
    bottom: tokens.spacingVerticalS,
    color: tokens.colorNeutralForeground3,
    fontSize: tokens.fontSizeBase200,
    pointerEvents: 'none',
    '@media (max-width: 767px)': { display: 'none' },
  },
});

/** What a VM needs in order to run, and which nodes have it. */
export function DependencyPage({ vm: name }: { readonly vm: string }) {
  const { t } = useTranslation(['dependencies', 'ui', 'frame']);
  const [, navigate] = useLocation();
  const vm = useVm(name);
  const crumbs = [
    { label: t('frame:vms'), path: '/vms' },
    { label: name, path: `/vms/${encodeURIComponent(name)}` },
  ];
  return (
    <Page
      title={t('dependencies:title')}
      crumbs={crumbs}
      beside={vm === undefined ? undefined : <VmStateBadge vm={vm} named />}
    >
      {vm === undefined ? (
        <EmptyState
          icon={<QuestionCircleRegular />}
          title={t('dependencies:none', { vm: name })}
          text={t('dependencies:noneText')}
          action={<Button onClick={() => navigate('/vms')}>{t('dependencies:toVms')}</Button>}
        />
      ) : (
        <Report vm={vm} />
      )}
    </Page>
  );
}

function Report({ vm }: { readonly vm: VmView }) {
  const styles = useStyles();
  const { t } = useTranslation('dependencies');
  const [view, setView] = useState<'diagram' | 'list'>('diagram');
  const nodes = useNodes();
  const suitability = useSuitability(vm);
  const graph = useMemo(() => dependencyGraph(vm, nodes, suitability), [vm, nodes, suitability]);
  const tabs = (
    <TabList
      size="small"
      className={styles.tabs}
      selectedValue={view}
      onTabSelect={(_event, { value }) => setView(value === 'list' ? 'list' : 'diagram')}
    >
      <Tab value="diagram">{t('diagram')}</Tab>
      <Tab value="list">{t('list')}</Tab>
    </TabList>
  );
  if (view === 'diagram') return <Diagram vm={vm} graph={graph} tabs={tabs} />;
  return (
    <div className={styles.root}>
      <div className={styles.bar}>{tabs}</div>
      <div className={styles.place}>
        <DependencyList graph={graph} />
      </div>
    </div>
  );
}

const NOTHING_KNOWN: readonly Suitability[] = [];

/** What the cluster says of each node as the next owner; only of a VM that runs. */
function useSuitability(vm: VmView): readonly Suitability[] {
  const client = useClient();
  const { data } = useQuery({
    queryKey: ['vm', vm.name, 'suitability', vm.owner, vm.state],
    queryFn: () => client.call(migrateVm, { params: { name: vm.name }, body: { dryRun: true } }),
    enabled: vm.state === 'running',
    retry: false,
  });
  return data?.dryRun === true ? data.candidates : NOTHING_KNOWN;
}

function Diagram(props: { readonly vm: VmView; readonly graph: DependencyGraph; readonly tabs: ReactElement }) {
  const { vm, graph, tabs } = props;
  const styles = useStyles();
  const { t } = useTranslation('dependencies');
  const { theme, isDark } = useAppearance();
  const drawing = useMemo(() => layoutGraph(graph), [graph]);
  const { place, viewport, fit, zoomIn, zoomOut, handlers } = usePanZoom(drawing);
  const group = useRef<SVGGElement>(null);
  const { width, height } = drawing;
  useEffect(fit, [fit]);
  const title = t('titleOf', { vm: vm.name });
  const onSheet = (use: (sheet: Parameters<typeof saveSvg>[0]) => void) => () => {
    const element = group.current?.firstElementChild;
    // Paper is white, and a file is looked at anywhere.
    const colours = isDark ? webLightTheme : theme;
    if (element instanceof SVGGElement) use({ drawing: element, width, height, title, theme: { ...colours } });
  };
  const save = onSheet((sheet) => saveSvg(sheet, `${vm.name}-dependencies.svg`));
  const print = onSheet((sheet) =>
    printDrawing(sheet, t('printed', { time: formatDateTime(new Date().toISOString()) })),
  );
  return (
    <div className={styles.root}>
      <div className={styles.bar}>
        {tabs}
        <Toolbar size="small" aria-label={title} className={styles.tools}>
          <Tool label={t('zoomOut')} icon={<ZoomOutRegular />} onClick={zoomOut} />
          <Tool label={t('zoomIn')} icon={<ZoomInRegular />} onClick={zoomIn} />
          <Tool label={t('fit')} icon={<PageFitRegular />} onClick={fit} />
          <ToolbarDivider />
          <ToolbarButton icon={<ArrowDownloadRegular />} data-action="export-svg" onClick={save}>
            {t('exportSvg')}
          </ToolbarButton>
          <ToolbarButton icon={<PrintRegular />} data-action="print" onClick={print}>
            {t('print')}
          </ToolbarButton>
        </Toolbar>
      </div>
      <div className={styles.place}>
        <svg
          ref={place}
          className={styles.svg}
          role="group"
          aria-label={t('drawing', { vm: vm.name, boxes: graph.boxes.length })}
          tabIndex={0}
          {...handlers}
        >
          <g ref={group} transform={`translate(${viewport.x} ${viewport.y}) scale(${viewport.scale})`}>
            <GraphDrawing drawing={drawing} />
          </g>
        </svg>
        <div className={styles.hint} aria-hidden>
          {t('keysHint')}
        </div>
      </div>
    </div>
  );
}

function Tool(props: { readonly label: string; readonly icon: ReactElement; readonly onClick: () => void }) {
  return (
    <Tooltip content={props.label} relationship="label">
      <ToolbarButton icon={props.icon} onClick={props.onClick} />
    </Tooltip>
  );
}
