import { makeStyles, mergeClasses, ProgressBar, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import type { NodeView } from '../../../src/contract/cluster.ts';
import { formatBytes } from '../ui/format.ts';
import { usedBytes, usedRatio } from './node-facts.ts';

const useStyles = makeStyles({
  root: { display: 'grid', gap: tokens.spacingVerticalXXS, minWidth: 0 },
  line: {
    display: 'flex',
    alignItems: 'center',
    gap: tokens.spacingHorizontalS,
    minWidth: 0,
    fontVariantNumeric: 'tabular-nums',
  },
  text: { fontSize: tokens.fontSizeBase200, whiteSpace: 'nowrap', overflow: 'hidden', textOverflow: 'ellipsis' },
  bar: { flexGrow: 1, flexShrink: 1, flexBasis: '3rem', minWidth: '2.5rem', maxWidth: '8rem' },
});

/** From here on the bar has the colour of a warning. */
const NEARLY_FULL = 0.9;

/** How much of the memory for VMs is spoken for. `stacked`: the figures stand below the bar. */
export function MemoryBar({ node, stacked = false }: { readonly node: NodeView; readonly stacked?: boolean }) {
  const styles = useStyles();
  const { t } = useTranslation('nodes');
  if (node.memory.capacityBytes === 0) return <>–</>;
  const text = t('memoryOf', { used: formatBytes(usedBytes(node)), total: formatBytes(node.memory.capacityBytes) });
  const ratio = usedRatio(node);
  return (
    <div className={stacked ? styles.root : styles.line}>
      <ProgressBar
        value={ratio}
        thickness="large"
        color={ratio >= NEARLY_FULL ? 'warning' : 'brand'}
        aria-label={`${t('memory')}: ${text}`}
        className={mergeClasses(!stacked && styles.bar)}
      />
      <span className={styles.text} aria-hidden>
        {text}
      </span>
    </div>
  );
}
