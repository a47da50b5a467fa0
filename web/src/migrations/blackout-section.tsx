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
  place: { minHeight: '150px' },
  quiet: { color: tokens.colorNeutralForeground3 },
  scale: { position: 'relative', paddingTop: '20px', marginBottom: tokens.spacingVerticalM },
  track: {
    display: 'flex',
    height: '28px',
    borderRadius: tokens.borderRadiusMedium,
    overflow: 'hidden',
    backgroundColor: tokens.colorNeutralBackground4,
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
    display: 'grid',
    gridTemplateColumns: 'auto minmax(0, max-content) max-content minmax(0, 1fr)',
    columnGap: tokens.spacingHorizontalM,
    rowGap: tokens.spacingVerticalXS,
    margin: 0,
    padding: 0,
    listStyleType: 'none',
  },
  row: { display: 'grid', gridColumn: '1 / -1', gridTemplateColumns: 'subgrid', alignItems: 'baseline' },
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
        <div className={mergeClasses(styles.place, styles.quiet)}>
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
    <div className={styles.place}>
      <Scale receipt={receipt} />
      <ul className={styles.list}>
        {parts.map((part) => (
          <PartRow key={part.name} part={part} />
        ))}
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

function PartRow({ part: { name, ms, reason } }: { readonly part: BlackoutPart }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  return (
    <li className={styles.row}>
      <span
        className={mergeClasses(styles.swatch, ms === null && styles.hollow)}
        {...(ms !== null && { style: { backgroundColor: COLORS[name] } })}
        aria-hidden
      />
      <span>{t(`blackout.${name}`)}</span>
      <span className={ms === null ? styles.quiet : styles.ms}>
        {ms === null ? t('blackout.notMeasured') : formatMs(ms)}
      </span>
      <span className={styles.text} {...(ms === null && { lang: 'en' })}>
        {ms === null ? reason : t(`blackout.${name}Text`)}
      </span>
    </li>
  );
}
