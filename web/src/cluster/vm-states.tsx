import { makeStyles, mergeClasses, Text, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { VM_STATES } from '../../../src/model/vm.ts';
import { type Tone, vmTone } from '../ui/tones.ts';

const useStyles = makeStyles({
  bar: {
    display: 'flex',
    gap: '2px',
    height: '10px',
    borderRadius: tokens.borderRadiusMedium,
    overflow: 'hidden',
    marginBlock: tokens.spacingVerticalS,
  },
  empty: { backgroundColor: tokens.colorNeutralBackground6 },
  legend: {
    display: 'flex',
    flexWrap: 'wrap',
    gap: `${tokens.spacingVerticalXS} ${tokens.spacingHorizontalM}`,
    margin: 0,
    padding: 0,
    listStyleType: 'none',
    fontVariantNumeric: 'tabular-nums',
  },
  entry: { whiteSpace: 'nowrap', display: 'flex', alignItems: 'center', gap: tokens.spacingHorizontalS },
  dot: { width: '10px', height: '10px', borderRadius: tokens.borderRadiusCircular, flexShrink: 0 },
  total: { display: 'flex', alignItems: 'baseline', gap: tokens.spacingHorizontalS },
  good: { backgroundColor: tokens.colorStatusSuccessForeground1 },
  busy: { backgroundColor: tokens.colorBrandForeground1 },
  paused: { backgroundColor: tokens.colorNeutralForeground3 },
  idle: { backgroundColor: tokens.colorNeutralStroke1 },
  warning: { backgroundColor: tokens.colorStatusWarningForeground1 },
  bad: { backgroundColor: tokens.colorStatusDangerForeground1 },
  fenced: { backgroundColor: tokens.colorStatusDangerForeground1 },
});

const ORDER: readonly string[] = ['running', 'migrating', 'starting', 'paused', 'saved', 'off', 'failed'];

/** The VMs of the cluster by state, as one bar with its key. */
export function VmStates({
  total,
  byState,
}: {
  readonly total: number;
  readonly byState: Readonly<Record<string, number>>;
}) {
  const styles = useStyles();
  const { t } = useTranslation(['cluster', 'ui']);
  const shown = [...VM_STATES]
    .sort((left, right) => ORDER.indexOf(left) - ORDER.indexOf(right))
    .map((state) => ({ state, count: byState[state] ?? 0, tone: vmTone(state) as Tone }))
    .filter(({ count }) => count > 0);
  return (
    <>
      <span className={styles.total}>
        <Text size={600} weight="semibold">
          {total}
        </Text>
        <Text>{t('cluster:total')}</Text>
      </span>
      <div className={mergeClasses(styles.bar, total === 0 && styles.empty)} aria-hidden>
        {shown.map(({ state, count, tone }) => (
          <span key={state} className={mergeClasses(styles[tone])} style={{ flexGrow: count, minWidth: '4px' }} />
        ))}
      </div>
      <ul className={styles.legend}>
        {shown.map(({ state, count, tone }) => (
          <li key={state} className={styles.entry}>
            <span className={mergeClasses(styles.dot, styles[tone])} aria-hidden />
            {t(`ui:vmStates.${state}`)}
            <Text weight="semibold">{count}</Text>
          </li>
        ))}
      </ul>
    </>
  );
}
