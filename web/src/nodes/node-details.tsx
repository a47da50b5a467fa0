import { makeStyles, Spinner, Text, tokens } from '@fluentui/react-components';
import { lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import type { NodeView } from '../../../src/contract/cluster.ts';
import { EventsPanel } from '../events/events-panel.tsx';
import { FailureText } from '../ui/failure-text.tsx';
import { PropertyList } from '../ui/property-list.tsx';
import { Section } from '../ui/section.tsx';
import { StateBadge } from '../ui/state-badge.tsx';
import { nodeTone } from '../ui/tones.ts';
import { DrainProgress } from './drain-progress.tsx';
import { NodeLossView } from './node-loss.tsx';
import { useAbout, useProtection } from './node-properties.tsx';
import { NodeVms } from './node-vms.tsx';
import { useNodeDetail } from './use-node-detail.ts';

const NodeLoad = lazy(async () => ({ default: (await import('./node-load.tsx')).NodeLoad }));

const useStyles = makeStyles({
  root: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalM },
  head: { display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: tokens.spacingHorizontalM },
  columns: {
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 24rem), 1fr))',
    gap: tokens.spacingHorizontalM,
  },
  charts: { minHeight: '160px' },
});

/** All that is known of one node. */
export function NodeDetails({ node }: { readonly node: NodeView }) {
  const styles = useStyles();
  const { t } = useTranslation(['nodes', 'ui']);
  const { data: detail, error } = useNodeDetail(node.name);
  const about = useAbout(node, detail);
  const protection = useProtection(node, detail);
  return (
    <div className={styles.root}>
      <div className={styles.head}>
        <Text size={500} weight="semibold">
          {node.name}
        </Text>
        <StateBadge tone={nodeTone(node.state)} text={t(`ui:nodeStates.${node.state}`)} />
        {detail !== undefined && (
          <Text lang="en" size={200}>
            {detail.reason}
          </Text>
        )}
      </div>
      {detail === undefined && error !== null && <FailureText error={error} />}
      {detail !== undefined && <DrainProgress node={node} detail={detail} />}
      <div className={styles.columns}>
        <Section title={t('about')}>
          <PropertyList items={about} />
        </Section>
        {node.role === 'node' && (
          <Section title={t('protection')}>
            <PropertyList items={protection} />
          </Section>
        )}
        <Section title={t('sections.vms')}>
          <NodeVms node={node} />
        </Section>
        {node.role === 'node' && (
          <Section title={t('sections.loss')}>
            <NodeLossView node={node} />
          </Section>
        )}
      </div>
      {node.role === 'node' && (
        <Section title={t('sections.load')}>
          <div className={styles.charts}>
            <Suspense fallback={<Spinner delay={200} aria-label={t('sections.load')} />}>
              <NodeLoad key={node.name} node={node.name} />
            </Suspense>
          </div>
        </Section>
      )}
      <Section title={t('sections.events')}>
        <EventsPanel key={node.name} node={node.name} />
      </Section>
    </div>
  );
}
