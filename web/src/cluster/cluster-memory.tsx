import { makeStyles, ProgressBar, Text, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { useNodes } from '../live/live-hooks.ts';
import { usedBytes } from '../nodes/node-facts.ts';
import { formatBytes } from '../ui/format.ts';

const useStyles = makeStyles({
  root: { display: 'grid', gap: tokens.spacingVerticalXS, marginTop: tokens.spacingVerticalL },
  line: {
    display: 'flex',
    flexWrap: 'wrap',
    justifyContent: 'space-between',
    columnGap: tokens.spacingHorizontalM,
    fontVariantNumeric: 'tabular-nums',
  },
});

/** How much of the memory of all nodes that answer is spoken for. */
export function ClusterMemory() {
  const styles = useStyles();
  const { t } = useTranslation('cluster');
  const nodes = useNodes().filter(({ state }) => state !== 'down' && state !== 'fenced');
  const total = nodes.reduce((sum, node) => sum + node.memory.capacityBytes, 0);
  const used = nodes.reduce((sum, node) => sum + usedBytes(node), 0);
  if (total === 0) return null;
  const text = t('memoryUsed', { used: formatBytes(used), total: formatBytes(total) });
  return (
    <div className={styles.root}>
      <span className={styles.line}>
        <Text weight="semibold">{t('memory')}</Text>
        <Text>{text}</Text>
      </span>
      <ProgressBar value={used / total} thickness="large" aria-label={`${t('memory')}: ${text}`} />
    </div>
  );
}
