import { makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { CheckmarkCircleFilled, WarningFilled } from '@fluentui/react-icons';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { MigrationView } from '../../../src/contract/migrations.ts';
import { formatBytes, formatMs, formatRate } from '../ui/format.ts';
import { averageRate, budgetVerdict, type Progress, type Receipt } from './migration-figures.ts';

const useStyles = makeStyles({
  grid: {
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 9.5rem), 1fr))',
    gap: tokens.spacingHorizontalL,
  },
  tile: { display: 'flex', flexDirection: 'column', minWidth: 0 },
  label: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
  value: {
    fontSize: tokens.fontSizeBase600,
    lineHeight: tokens.lineHeightBase600,
    fontWeight: tokens.fontWeightSemibold,
    fontVariantNumeric: 'tabular-nums',
    whiteSpace: 'nowrap',
  },
  faint: { color: tokens.colorNeutralForeground4, fontWeight: tokens.fontWeightRegular },
  note: {
    color: tokens.colorNeutralForeground3,
    fontSize: tokens.fontSizeBase200,
    lineHeight: tokens.lineHeightBase200,
    fontVariantNumeric: 'tabular-nums',
    // Two lines, also while there is only one: nothing jumps when it ends.
    minHeight: `calc(2 * ${tokens.lineHeightBase200})`,
  },
  good: { color: tokens.colorStatusSuccessForeground1 },
  warning: { color: tokens.colorStatusWarningForeground1 },
  bad: { color: tokens.colorStatusDangerForeground1 },
  verdictIcon: { verticalAlign: '-2px', marginRight: tokens.spacingHorizontalXS },
});

export function HeroFigures({ view, sinceMs }: { readonly view: MigrationView; readonly sinceMs: number }) {
  const styles = useStyles();
  return (
    <dl className={styles.grid} style={{ margin: 0 }}>
      {view.state === 'open' ? (
        <OpenFigures progress={view.progress} sinceMs={sinceMs} />
      ) : (
        <EndedFigures receipt={view.receipt} />
      )}
    </dl>
  );
}

function Figure(props: { readonly label: string; readonly value: string | null; readonly note?: ReactNode }) {
  const styles = useStyles();
  return (
    <div className={styles.tile}>
      <dt className={styles.label}>{props.label}</dt>
      <dd style={{ margin: 0 }}>
        <div className={mergeClasses(styles.value, props.value === null && styles.faint)}>{props.value ?? '–'}</div>
        <div className={styles.note}>{props.note}</div>
      </dd>
    </div>
  );
}

function OpenFigures({ progress, sinceMs }: { readonly progress: Progress; readonly sinceMs: number }) {
  const { t } = useTranslation('migrations');
  const { elapsedMs, transferredBytes, remainingBytes, memoryBytes, remainingMs, bandwidthBytesPerSecond } = progress;
  const copying = transferredBytes > 0;
  const leftMs = (remainingMs ?? 0) - sinceMs;
  return (
    <>
      <Figure
        label={t('figures.elapsed')}
        value={formatMs(elapsedMs + sinceMs)}
        note={leftMs <= 0 ? null : `${t('figures.remainingTime')}: ${t('figures.about', { time: formatMs(leftMs) })}`}
      />
      <Figure
        label={t('figures.blackout')}
        value={null}
        note={t('figures.budget', { budget: formatMs(progress.budgetMs) })}
      />
      <Figure label={t('figures.networkGap')} value={null} note={t('figures.afterwards')} />
      <Figure
        label={t('figures.rest')}
        value={copying ? formatBytes(remainingBytes) : null}
        note={
          copying
            ? t('figures.sentSoFar', { sent: formatBytes(transferredBytes) })
            : t('figures.memory', { memory: formatBytes(memoryBytes) })
        }
      />
      <Figure
        label={t('figures.rate')}
        value={bandwidthBytesPerSecond > 0 ? formatRate(bandwidthBytesPerSecond) : null}
      />
    </>
  );
}

function EndedFigures({ receipt }: { readonly receipt: Receipt }) {
  const { t } = useTranslation('migrations');
  const { totalMs, blackoutMs, networkGapMs, transferredBytes, memoryBytes, forecast, complete, network } = receipt;
  const rate = averageRate(receipt);
  const expected = (ms: number | null) =>
    ms === null ? null : `${t('facts.expected')}: ${t('figures.about', { time: formatMs(ms) })}`;
  const held =
    network.framesHeld === null
      ? null
      : t('figures.heldFrames', { count: network.framesHeld, lost: network.framesLost ?? 0 });
  return (
    <>
      <Figure label={t('figures.total')} value={formatMs(totalMs)} note={expected(forecast.totalMs)} />
      <Figure
        label={t('figures.blackout')}
        value={blackoutMs === null ? null : formatMs(blackoutMs)}
        note={<Verdict receipt={receipt} />}
      />
      <Figure
        label={t('figures.networkGap')}
        value={networkGapMs === null ? null : formatMs(networkGapMs)}
        note={complete ? held : t('figures.stillMeasured')}
      />
      <Figure
        label={t('figures.transferred')}
        value={transferredBytes === null ? null : formatBytes(transferredBytes)}
        note={t('figures.memory', { memory: formatBytes(memoryBytes) })}
      />
      <Figure
        label={t('figures.rate')}
        value={rate === null ? null : formatRate(rate)}
        note={t('compare.averageRate')}
      />
    </>
  );
}

function Verdict({ receipt }: { readonly receipt: Receipt }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const { blackoutMs, budgetMs, budgetUsedMs } = receipt;
  const verdict = budgetVerdict(receipt);
  const budget = formatMs(budgetMs);
  if (verdict === null || blackoutMs === null) {
    return <>{receipt.outcome === 'completed' ? t('figures.budget', { budget }) : t('figures.neverStopped')}</>;
  }
  if (verdict === 'kept') {
    return (
      <span className={styles.good}>
        <CheckmarkCircleFilled className={styles.verdictIcon} />
        {t('figures.budgetKept', { budget })}
      </span>
    );
  }
  const widened = verdict === 'widened';
  return (
    <span className={widened ? styles.warning : styles.bad}>
      <WarningFilled className={styles.verdictIcon} />
      {widened
        ? t('figures.budgetWidened', { budget, used: formatMs(budgetUsedMs) })
        : t('figures.budgetExceeded', { budget, over: formatMs(blackoutMs - budgetMs) })}
    </span>
  );
}
