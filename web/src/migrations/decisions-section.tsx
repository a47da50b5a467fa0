import { makeStyles, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import type { MigrationView } from '../../../src/contract/migrations.ts';
import { formatMs } from '../ui/format.ts';
import { Section } from '../ui/section.tsx';
import { subject } from './migration-figures.ts';

const useStyles = makeStyles({
  list: {
    display: 'flex',
    flexDirection: 'column',
    gap: tokens.spacingVerticalM,
    listStyleType: 'none',
    margin: 0,
    padding: 0,
  },
  item: {
    borderLeft: `2px solid ${tokens.colorBrandStroke1}`,
    paddingLeft: tokens.spacingHorizontalM,
    animationName: { from: { opacity: 0, transform: 'translateY(-4px)' }, to: { opacity: 1 } },
    animationDuration: tokens.durationSlow,
    '@media (prefers-reduced-motion: reduce)': { animationName: 'none' },
    '@media print': { breakInside: 'avoid' },
  },
  head: { display: 'flex', flexWrap: 'wrap', columnGap: tokens.spacingHorizontalS, alignItems: 'baseline' },
  what: { fontWeight: tokens.fontWeightSemibold },
  at: {
    color: tokens.colorNeutralForeground3,
    fontSize: tokens.fontSizeBase200,
    fontVariantNumeric: 'tabular-nums',
    marginLeft: 'auto',
  },
  why: {
    color: tokens.colorNeutralForeground2,
    fontSize: tokens.fontSizeBase200,
    lineHeight: tokens.lineHeightBase200,
    overflowWrap: 'anywhere',
  },
  quiet: { color: tokens.colorNeutralForeground3 },
});

/** What the policy and the agent decided, and why, as it comes. */
export function DecisionsSection({ view }: { readonly view: MigrationView }) {
  const styles = useStyles();
  const { t, i18n } = useTranslation('migrations');
  const { decisions, startedAt } = subject(view);
  const name = (what: string) =>
    i18n.exists(`decisions.what.${what}`, { ns: 'migrations' }) ? t(`decisions.what.${what}` as never) : what;
  return (
    <Section title={t('decisions.title')}>
      {decisions.length === 0 && (
        <div className={styles.quiet}>{t(view.state === 'open' ? 'decisions.noneYet' : 'decisions.none')}</div>
      )}
      <ol className={styles.list} aria-live={view.state === 'open' ? 'polite' : 'off'}>
        {decisions.map(({ at, what, why }) => (
          <li key={`${at} ${what} ${why}`} className={styles.item}>
            <div className={styles.head}>
              <span className={styles.what}>{name(what)}</span>
              <span className={styles.at}>+{formatMs(Math.max(0, Date.parse(at) - Date.parse(startedAt)))}</span>
            </div>
            <div className={styles.why} lang="en">
              {why}
            </div>
          </li>
        ))}
      </ol>
    </Section>
  );
}
