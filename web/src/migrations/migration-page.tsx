import { Button, makeStyles, mergeClasses, Spinner, tokens } from '@fluentui/react-components';
import { ArrowDownloadRegular, PrintRegular, ReceiptSearchRegular } from '@fluentui/react-icons';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import type { MigrationView } from '../../../src/contract/migrations.ts';
import type { ActionItem } from '../ui/actions.ts';
import { CommandBar } from '../ui/command-bar.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { Page } from '../ui/page.tsx';
import { Printable } from '../ui/printing.tsx';
import { StateBadge } from '../ui/state-badge.tsx';
import { BlackoutSection } from './blackout-section.tsx';
import { ClientSection } from './client-section.tsx';
import { CompareSection } from './compare-section.tsx';
import { DecisionsSection } from './decisions-section.tsx';
import { DetailsSection } from './details-section.tsx';
import { ForecastSection } from './forecast-section.tsx';
import { MigrationHero } from './migration-hero.tsx';
import { phaseSteps, subject } from './migration-figures.ts';
import { migrationTone } from './migration-tone.ts';
import { PhaseStepper } from './phase-stepper.tsx';
import { RoundsSection } from './rounds-section.tsx';
import { saveReceipt } from './save-receipt.ts';
import { useCancel } from './use-cancel.ts';
import { useMigrationView } from './use-migration-views.ts';
import { useSinceHeard } from './use-ticking.ts';

const TWO_COLUMNS = '@container migration (min-width: 1000px)';
const THREE_COLUMNS = '@container migration (min-width: 1900px)';

const useStyles = makeStyles({
  scroller: {
    height: '100%',
    overflow: 'auto',
    containerType: 'inline-size',
    containerName: 'migration',
    '@media print': { height: 'auto', overflow: 'visible', containerType: 'normal' },
  },
  body: {
    display: 'flex',
    flexDirection: 'column',
    gap: tokens.spacingVerticalM,
    maxWidth: '2600px',
    padding: `0 ${tokens.spacingHorizontalL} ${tokens.spacingVerticalL}`,
    boxSizing: 'border-box',
    '@media print': { padding: 0, maxWidth: 'none' },
  },
  steps: {
    backgroundColor: tokens.colorNeutralBackground1,
    border: `${tokens.strokeWidthThin} solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusLarge,
    padding: tokens.spacingHorizontalL,
  },
  columns: {
    display: 'grid',
    gridTemplateColumns: 'minmax(0, 1fr)',
    gap: tokens.spacingVerticalM,
    alignItems: 'start',
    [TWO_COLUMNS]: {
      gridTemplateColumns: 'minmax(0, 2fr) minmax(24rem, 1fr)',
      gridTemplateRows: 'auto 1fr',
      gridTemplateAreas: '"copy facts" "switchover facts"',
    },
    [THREE_COLUMNS]: {
      gridTemplateColumns: 'minmax(0, 3fr) minmax(0, 2fr) minmax(24rem, 1fr)',
      gridTemplateRows: 'auto',
      gridTemplateAreas: '"copy switchover facts"',
    },
    '@media print': { display: 'flex', flexDirection: 'column', alignItems: 'stretch' },
  },
  copy: { [TWO_COLUMNS]: { gridArea: 'copy' } },
  switchover: { [TWO_COLUMNS]: { gridArea: 'switchover' } },
  facts: { [TWO_COLUMNS]: { gridArea: 'facts' } },
  screenOnly: { '@media print': { display: 'none' } },
  column: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalM, minWidth: 0 },
});

/** A live migration while it runs, and its receipt afterwards: one page, and what is in it stays where it is. */
export function MigrationPage({ id }: { readonly id: string }) {
  const { view, error } = useMigrationView(id);
  const { t } = useTranslation('migrations');
  const [, navigate] = useLocation();
  if (view !== undefined) return <Shown view={view} />;
  if (error === null) return <Spinner delay={200} label={t('loading')} style={{ minHeight: '12rem' }} />;
  return (
    <EmptyState
      icon={<ReceiptSearchRegular />}
      title={t('notFound')}
      text={t('notFoundText', { id })}
      action={
        <Button appearance="primary" onClick={() => navigate('/migrations')}>
          {t('allMigrations')}
        </Button>
      }
    />
  );
}

function Shown({ view }: { readonly view: MigrationView }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const { vm } = subject(view);
  const sinceMs = useSinceHeard(view.state === 'open' ? view.progress : null);
  const cancelling = useCancel(subject(view));
  const { tone, state } = migrationTone(view);
  return (
    <Printable>
      <Page
        title={t('liveMigrationOf', { vm })}
        beside={<StateBadge tone={tone} text={t(`states.${state}`)} />}
        crumbs={[{ label: t('title'), path: '/migrations' }]}
        commands={
          <div className={styles.screenOnly}>
            <CommandBar label={t('commands')} items={useCommands(view)} />
          </div>
        }
      >
        <div className={styles.scroller} data-testid="migration-scroller">
          <div className={styles.body}>
            <MigrationHero {...{ view, sinceMs, cancelling }} />
            <div className={styles.steps}>
              <PhaseStepper
                steps={phaseSteps(view)}
                cancelled={view.state === 'ended' && view.receipt.outcome === 'cancelled'}
                sinceMs={sinceMs}
              />
            </div>
            <div className={styles.columns}>
              <div className={mergeClasses(styles.column, styles.copy)}>
                <RoundsSection view={view} />
              </div>
              <div className={mergeClasses(styles.column, styles.switchover)}>
                <BlackoutSection view={view} />
                <ClientSection view={view} />
              </div>
              <div className={mergeClasses(styles.column, styles.facts)}>
                <DecisionsSection view={view} />
                <ForecastSection view={view} />
                <DetailsSection view={view} />
              </div>
            </div>
            {view.state === 'ended' && <CompareSection receipt={view.receipt} />}
          </div>
        </div>
      </Page>
    </Printable>
  );
}

function useCommands(view: MigrationView): ActionItem[] {
  const { t } = useTranslation('migrations');
  if (view.state === 'open') return [];
  const { receipt } = view;
  const common = { obstacle: null, group: 'receipt', primary: true };
  return [
    {
      ...common,
      id: 'export-receipt',
      label: t('export'),
      icon: <ArrowDownloadRegular />,
      run: () => saveReceipt(receipt),
    },
    { ...common, id: 'print-receipt', label: t('print'), icon: <PrintRegular />, run: () => window.print() },
  ];
}
