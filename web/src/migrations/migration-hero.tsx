import { makeStyles, MessageBar, MessageBarBody, ProgressBar, Subtitle1, tokens } from '@fluentui/react-components';
import { ArrowRightFilled, ServerRegular } from '@fluentui/react-icons';
import { useTranslation } from 'react-i18next';
import type { MigrationView } from '../../../src/contract/migrations.ts';
import { formatMs } from '../ui/format.ts';
import { CancelButton } from './cancel-button.tsx';
import { HeroFigures } from './hero-figures.tsx';
import { doneRatio, PHASES, type Progress, type Receipt, subject, waitsFor } from './migration-figures.ts';
import type { useCancel } from './use-cancel.ts';

const useStyles = makeStyles({
  root: {
    display: 'flex',
    flexDirection: 'column',
    gap: tokens.spacingVerticalM,
    backgroundColor: tokens.colorNeutralBackground1,
    border: `${tokens.strokeWidthThin} solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusLarge,
    padding: `${tokens.spacingVerticalL} ${tokens.spacingHorizontalL}`,
    minWidth: 0,
  },
  head: {
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    columnGap: tokens.spacingHorizontalXL,
    rowGap: tokens.spacingVerticalS,
    minHeight: '32px',
  },
  way: { display: 'flex', alignItems: 'center', gap: tokens.spacingHorizontalS },
  icon: { fontSize: '24px', color: tokens.colorNeutralForeground3, lineHeight: 0 },
  arrow: { fontSize: '20px', color: tokens.colorBrandForeground1, lineHeight: 0 },
  says: { flexGrow: 1, minWidth: '12rem', color: tokens.colorNeutralForeground2 },
  // Nothing went wrong, and nothing came of it.
  cancelled: { backgroundColor: tokens.colorNeutralStroke1 },
  reason: { color: tokens.colorNeutralForeground3, overflowWrap: 'anywhere' },
});

/** What it is and how it stands: the same places while it runs and when it has ended. */
export function MigrationHero(props: {
  readonly view: MigrationView;
  readonly sinceMs: number;
  readonly cancelling: ReturnType<typeof useCancel>;
}) {
  const { view, sinceMs, cancelling } = props;
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const { source, destination, vm } = subject(view);
  const tooLate = view.state === 'ended' && cancelling.asked && view.receipt.outcome === 'completed';
  return (
    <div className={styles.root}>
      <div className={styles.head}>
        <div className={styles.way} role="img" aria-label={t('way', { source, destination })}>
          <ServerRegular className={styles.icon} />
          <Subtitle1>{source}</Subtitle1>
          <ArrowRightFilled className={styles.arrow} />
          <ServerRegular className={styles.icon} />
          <Subtitle1>{destination}</Subtitle1>
        </div>
        <div className={styles.says} aria-live="polite">
          {view.state === 'open' ? <PhaseNow progress={view.progress} /> : <Outcome receipt={view.receipt} />}
        </div>
        {view.state === 'open' && (
          <CancelButton progress={view.progress} asked={cancelling.asked} onCancel={cancelling.cancel} />
        )}
      </div>
      <Bar view={view} label={t('liveMigrationOf', { vm })} />
      {tooLate && (
        <MessageBar intent="warning">
          <MessageBarBody>{t('tooLate', { destination })}</MessageBarBody>
        </MessageBar>
      )}
      <HeroFigures view={view} sinceMs={sinceMs} />
    </div>
  );
}

function PhaseNow({ progress }: { readonly progress: Progress }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const { phase } = progress;
  const waits = waitsFor(progress);
  return (
    <>
      {t('phaseNow', { number: PHASES.indexOf(phase) + 1, name: t(`phases.${phase}.name`) })}
      {waits !== null && (
        <div className={styles.reason}>
          {t('waitsFor')} <span lang="en">{waits}</span>
        </div>
      )}
    </>
  );
}

function Outcome({ receipt }: { readonly receipt: Receipt }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const { vm, source, destination, outcome, blackoutMs, endedIn, reason } = receipt;
  const phase = t(`phases.${endedIn}.name`);
  const still = outcome === 'completed' && blackoutMs !== null;
  const text = still
    ? t('outcome.completedStill', { vm, destination, blackout: formatMs(blackoutMs) })
    : t(`outcome.${outcome}`, { vm, source, destination, phase });
  return (
    <>
      {text}
      {reason !== null && (
        <div className={styles.reason} lang="en">
          {reason}
        </div>
      )}
    </>
  );
}

const BAR_COLORS = { completed: 'success', cancelled: 'brand', failed: 'error' } as const;

function Bar({ view, label }: { readonly view: MigrationView; readonly label: string }) {
  const styles = useStyles();
  if (view.state === 'ended') {
    const { outcome } = view.receipt;
    return (
      <ProgressBar
        value={1}
        color={BAR_COLORS[outcome]}
        thickness="large"
        aria-label={label}
        {...(outcome === 'cancelled' && { bar: { className: styles.cancelled } })}
      />
    );
  }
  const ratio = doneRatio(view.progress);
  return <ProgressBar {...(ratio !== null && { value: ratio })} thickness="large" aria-label={label} />;
}
