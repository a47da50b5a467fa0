import { Body1Strong, Caption1, Link, makeStyles, mergeClasses, ProgressBar, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { Link as RouteLink } from 'wouter';
import { useMigrations } from '../live/live-hooks.ts';
import { formatMs, formatPercent, formatRate } from '../ui/format.ts';
import { CancelButton } from './cancel-button.tsx';
import { doneRatio, PHASES, type Progress, waitsFor } from './migration-figures.ts';
import { MiniStepper } from './mini-stepper.tsx';
import { useCancel } from './use-cancel.ts';
import { useSinceHeard } from './use-ticking.ts';

const useStyles = makeStyles({
  root: {
    display: 'flex',
    flexDirection: 'column',
    gap: tokens.spacingVerticalXS,
    padding: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalM}`,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground2,
    borderLeft: `3px solid ${tokens.colorBrandStroke1}`,
    minWidth: 0,
  },
  row: {
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    gap: `2px ${tokens.spacingHorizontalM}`,
    minWidth: 0,
  },
  grow: { flexGrow: 1, minWidth: 0 },
  figures: {
    color: tokens.colorNeutralForeground3,
    fontVariantNumeric: 'tabular-nums',
    display: 'flex',
    flexWrap: 'wrap',
    columnGap: tokens.spacingHorizontalM,
    minHeight: tokens.lineHeightBase200,
  },
});

/** The open migration of a VM in a few lines: phase, progress, rate, cancel, the way to its page. Nothing while there is none. */
export function MigrationStrip({ vm }: { readonly vm: string }) {
  const open = useMigrations().find((view) => view.state === 'open' && view.progress.vm === vm);
  return open?.state === 'open' ? <OpenMigrationStrip key={open.progress.id} progress={open.progress} /> : null;
}

/** `withVm`: where several VMs stand below each other. */
export function OpenMigrationStrip(props: { readonly progress: Progress; readonly withVm?: boolean }) {
  const { progress, withVm } = props;
  const { vm, source, destination, phase } = progress;
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const { asked, cancel } = useCancel(progress);
  const label = t('strip.label', { vm, destination });
  const ratio = doneRatio(progress);
  const phaseText = t('phaseNow', { number: PHASES.indexOf(phase) + 1, name: t(`phases.${phase}.name`) });
  return (
    <section className={styles.root} aria-label={label}>
      <div className={styles.row}>
        <Body1Strong>{withVm === true ? vm : t('liveMigration')}</Body1Strong>
        <span>
          {source} → {destination}
        </span>
        <span className={styles.grow} />
        <RouteLink href={`/migrations/${progress.id}`} asChild>
          <Link>{t('strip.details')}</Link>
        </RouteLink>
        <CancelButton progress={progress} asked={asked} onCancel={cancel} />
      </div>
      <div className={styles.row}>
        <MiniStepper phase={phase} />
        <Caption1 aria-live="polite">{phaseText}</Caption1>
      </div>
      <ProgressBar {...(ratio !== null && { value: ratio })} thickness="large" aria-label={label} />
      <Figures progress={progress} ratio={ratio} />
    </section>
  );
}

function Figures({ progress, ratio }: { readonly progress: Progress; readonly ratio: number | null }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const sinceMs = useSinceHeard(progress);
  const waits = waitsFor(progress);
  const { bandwidthBytesPerSecond, remainingMs, elapsedMs } = progress;
  const leftMs = (remainingMs ?? 0) - sinceMs;
  if (waits !== null) {
    return (
      <Caption1 className={styles.figures}>
        {t('waitsFor')} <span lang="en">{waits}</span>
      </Caption1>
    );
  }
  return (
    <Caption1 className={mergeClasses(styles.figures)}>
      {ratio !== null && <span>{formatPercent(ratio)}</span>}
      {bandwidthBytesPerSecond > 0 && <span>{formatRate(bandwidthBytesPerSecond)}</span>}
      {leftMs > 0 && (
        <span>
          {t('figures.remainingTime')}: {t('figures.about', { time: formatMs(leftMs) })}
        </span>
      )}
      <span>
        {t('figures.elapsed')}: {formatMs(elapsedMs + sinceMs)}
      </span>
    </Caption1>
  );
}
