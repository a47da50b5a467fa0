import { makeStyles, Text, tokens } from '@fluentui/react-components';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import type { NodeView } from '../../../src/contract/cluster.ts';
import { MemoryBar } from '../nodes/memory-bar.tsx';
import { NodeCpu } from '../nodes/node-columns.tsx';
import { StateBadge } from '../ui/state-badge.tsx';
import { nodeTone } from '../ui/tones.ts';

const useStyles = makeStyles({
  cards: {
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fill, minmax(min(100%, 13.5rem), 1fr))',
    gap: tokens.spacingHorizontalM,
    margin: 0,
    padding: 0,
    listStyleType: 'none',
  },
  card: {
    display: 'flex',
    flexDirection: 'column',
    gap: tokens.spacingVerticalXS,
    height: '100%',
    boxSizing: 'border-box',
    padding: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalM}`,
    borderRadius: tokens.borderRadiusMedium,
    border: `${tokens.strokeWidthThin} solid ${tokens.colorNeutralStroke2}`,
    backgroundColor: tokens.colorNeutralBackground1,
    color: tokens.colorNeutralForeground1,
    textDecorationLine: 'none',
    ':hover': { backgroundColor: tokens.colorNeutralBackground1Hover },
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
  head: {
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    justifyContent: 'space-between',
    gap: tokens.spacingHorizontalS,
  },
  line: {
    display: 'flex',
    justifyContent: 'space-between',
    color: tokens.colorNeutralForeground2,
    fontSize: tokens.fontSizeBase200,
    fontVariantNumeric: 'tabular-nums',
  },
});

export function NodeCards({ nodes }: { readonly nodes: readonly NodeView[] }) {
  const styles = useStyles();
  return (
    <ul className={styles.cards}>
      {nodes.map((node) => (
        <li key={node.name}>
          <NodeCard node={node} />
        </li>
      ))}
    </ul>
  );
}

const NodeCard = memo(function NodeCard({ node }: { readonly node: NodeView }) {
  const styles = useStyles();
  const { t } = useTranslation(['nodes', 'cluster', 'ui']);
  return (
    <Link href={`/nodes/${encodeURIComponent(node.name)}`} className={styles.card}>
      <span className={styles.head}>
        <Text weight="semibold">{node.name}</Text>
        <StateBadge tone={nodeTone(node.state)} text={t(`ui:nodeStates.${node.state}`)} />
      </span>
      {node.role === 'node' ? (
        <>
          <MemoryBar node={node} stacked />
          <span className={styles.line}>
            <span>{t('cluster:vmCount', { count: node.vms.length })}</span>
            <span>
              {t('nodes:cpu')} <NodeCpu node={node} />
            </span>
          </span>
        </>
      ) : (
        <span className={styles.line}>{t('nodes:vmsWitness')}</span>
      )}
    </Link>
  );
});
