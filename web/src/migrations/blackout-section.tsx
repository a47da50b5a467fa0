import { makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { formatMs } from '../ui/format.ts';
import type { MigrationView } from '../../../src/contract/migrations.ts';
import { Section } from '../ui/section.tsx';
import { type BlackoutPart, blackoutParts, drawnParts, type PartName } from './blackout-parts.ts';
import type { Receipt } from './migration-figures.ts';

const COLORS: Record<PartName, string> = {
  stopToLastPage: tokens.colorBrandBackground,
  stopToCompleted: tokens.colorBrandBackground,
  deviceState: tokens.colorPalettePurpleBorderActive,
  go: tokens.colorPaletteMarigoldBorderActive,
  resume: tokens.colorPaletteGreenBorderActive,
  other: tokens.colorNeutralForeground4,
};

const useStyles = makeStyles({
  // As high as the parts will be: nothing jumps when they come.
  waiting: { minHeight: '312px' },
  quiet: { color: tokens.colorNeutralForeground3 },
  scale: { position: 'relative', paddingTop: '20px', marginBottom: tokens.spacingVerticalM },
  track: {
    display: 'flex',
    height: '28px',
    borderRadius: tokens.borderRadiusMedium,
    overflow: 'hidden',
    backgroundColor: tokens.colorNeutralBackground6,
    '@media print': { printColorAdjust: 'exact', border: `1px solid ${tokens.colorNeutralStroke1}` },
  },
  part: { minWidth: '2px', '@media print': { printColorAdjust: 'exact' } },
  mark: {
    position: 'absolute',
    top: 0,
    bottom: '-4px',
    width: 0,
    borderLeft: `2px solid ${tokens.colorNeutralForeground1}`,
  },
  markText: {
    position: 'absolute',
    top: '-2px',
    whiteSpace: 'nowrap',
    fontSize: tokens.fontSizeBase200,
    fontVariantNumeric: 'tabular-nums',
    color: tokens.colorNeutralForeground2,
  },
  markLeft: { right: '6px' },
  markRight: { left: '6px' },
  list: {
    display: 'flex',
    flexDirection: 'column',
    gap: tokens.spacingVerticalS,
    margin: 0,
    padding: 0,
    listStyleType: 'none',
  },
  row: {
    display: 'grid',
    gridTemplateColumns: '10px minmax(0, 1fr) max-content',
    columnGap: tokens.spacingHorizontalM,
    alignItems: 'baseline',
  },
  swatch: {
    width: '10px',
    height: '10px',
    borderRadius: tokens.borderRadiusSmall,
    '@media print': { printColorAdjust: 'exact' },
  },
  hollow: { border: `1px dashed ${tokens.colorNeutralStroke1}`, boxSizing: 'border-box' },
  ms: { textAlign: 'end', fontWeight: tokens.fontWeightSemibold, fontVariantNumeric: 'tabular-nums' },
  text: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200, minWidth: 0 },
  clocks: {
    marginTop: tokens.spacingVerticalS,
    color: tokens.colorNeutralForeground3,
    fontSize: tokens.fontSizeBase200,
  },
});

/** Where the milliseconds of the standstill went, against the budget. */
export function BlackoutSection({ view }: { readonly view: MigrationView }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  return (
    <Section title={t('blackout.title')}>
      {view.state === 'open' ? (
        <div className={mergeClasses(styles.waiting, styles.quiet)}>
          {t('blackout.live', { budget: formatMs(view.progress.budgetMs) })}
        </div>
      ) : (
        <Apart receipt={view.receipt} />
      )}
    </Section>
  );
}

function Apart({ receipt }: { readonly receipt: Receipt }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const { blackoutMs, clockErrorMs, notMeasured } = receipt;
  const parts = blackoutParts(receipt);
  const drawn = drawnParts(parts);
  if (blackoutMs === null && drawn.length === 0) {
    const never = receipt.outcome !== 'completed' && receipt.endedIn === 'iterative-pre-copy';
    return (
      <div className={styles.quiet}>
        {t(never ? 'blackout.never' : 'blackout.unknown')}{' '}
        {!never && <span lang="en">{notMeasured['blackoutMs']}</span>}
      </div>
    );
  }
  return (
    <div>
      <Scale receipt={receipt} />
      <ul className={styles.list}>
        {parts.map((part) => (
          <PartRow key={part.name} part={part} />
        ))}
        <UnknownParts parts={parts} />
      </ul>
      {clockErrorMs !== null && (
        <div className={styles.clocks}>{t('blackout.clocks', { error: formatMs(clockErrorMs) })}</div>
      )}
    </div>
  );
}

function Scale({ receipt }: { readonly receipt: Receipt }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const { blackoutMs, budgetMs, budgetUsedMs } = receipt;
  const drawn = drawnParts(blackoutParts(receipt));
  const sumMs = drawn.reduce((sum, { ms }) => sum + ms, 0);
  const wholeMs = Math.max(budgetUsedMs, budgetMs, blackoutMs ?? 0, sumMs) * 1.04;
  const budget = formatMs(budgetMs);
  return (
    <div
      className={styles.scale}
      role="img"
      aria-label={t('blackout.bar', { blackout: formatMs(blackoutMs ?? sumMs), budget })}
    >
      <div className={styles.track}>
        {drawn.map(({ name, ms }) => (
          <div
            key={name}
            className={styles.part}
            style={{ width: `${(100 * ms) / wholeMs}%`, backgroundColor: COLORS[name] }}
            title={`${t(`blackout.${name}`)}: ${formatMs(ms)}`}
          />
        ))}
      </div>
      <Mark ratio={budgetMs / wholeMs} text={t('blackout.budgetMark', { budget })} />
      {budgetUsedMs > budgetMs && (
        <Mark ratio={budgetUsedMs / wholeMs} text={t('blackout.usedMark', { budget: formatMs(budgetUsedMs) })} />
      )}
    </div>
  );
}

function Mark({ ratio, text }: { readonly ratio: number; readonly text: string }) {
  const styles = useStyles();
  return (
    <div className={styles.mark} style={{ left: `${100 * ratio}%` }}>
      <span className={mergeClasses(styles.markText, ratio > 0.5 ? styles.markLeft : styles.markRight)}>{text}</span>
    </div>
  );
}

function PartRow({ part: { name, ms } }: { readonly part: BlackoutPart }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  if (ms === null) return null;
  return (
    <li className={styles.row}>
      <span className={styles.swatch} style={{ backgroundColor: COLORS[name] }} aria-hidden />
      <span>
        {t(`blackout.${name}`)}
        <div className={styles.text}>{t(`blackout.${name}Text`)}</div>
      </span>
      <span className={styles.ms}>{formatMs(ms)}</span>
    </li>
  );
}

/** One reason often holds for several parts. */
function UnknownParts({ parts }: { readonly parts: readonly BlackoutPart[] }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const byReason = Map.groupBy(
    parts.filter(({ ms }) => ms === null),
    ({ reason }) => reason ?? '',
  );
  return [...byReason].map(([reason, unknown]) => (
    <li key={reason} className={styles.row}>
      <span className={mergeClasses(styles.swatch, styles.hollow)} aria-hidden />
      <span className={styles.quiet}>
        {unknown.map(({ name }) => t(`blackout.${name}`)).join(', ')}
        <div className={styles.text} lang="en">
          {reason}
        </div>
      </span>
      <span className={styles.quiet}>{t('blackout.notMeasured')}</span>
    </li>
  ));
}
