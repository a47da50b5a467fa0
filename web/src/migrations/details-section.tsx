import { Link, makeStyles, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { Link as RouteLink } from 'wouter';
import type { MigrationView } from '../../../src/contract/migrations.ts';
import { formatBytes, formatDateTime, formatMs } from '../ui/format.ts';
import { type Property, PropertyList } from '../ui/property-list.tsx';
import { Section } from '../ui/section.tsx';
import { Disclosure } from './disclosure.tsx';
import { type Receipt, subject } from './migration-figures.ts';

const useStyles = makeStyles({
  path: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase100, overflowWrap: 'anywhere' },
  quiet: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
  missing: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalS },
});

/** Everything else that is known. */
export function DetailsSection({ view }: { readonly view: MigrationView }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const { vm, source, destination, id, startedAt, memoryBytes } = subject(view);
  const link = (to: string, text: string) => (
    <RouteLink href={to} asChild>
      <Link>{text}</Link>
    </RouteLink>
  );
  const items: Property[] = [
    { label: t('facts.vm'), value: link(`/vms/${vm}`, vm) },
    { label: t('facts.source'), value: link(`/nodes/${source}`, source) },
    { label: t('facts.destination'), value: link(`/nodes/${destination}`, destination) },
    { label: t('facts.started'), value: formatDateTime(startedAt) },
    { label: t('facts.ended'), value: view.state === 'ended' ? formatDateTime(view.receipt.endedAt) : '–' },
    { label: t('facts.memory'), value: formatBytes(memoryBytes) },
    { label: t('facts.budget'), value: <Budget view={view} /> },
    ...laterProperties(view.state === 'ended' ? view.receipt : null, t),
    { label: t('facts.id'), value: <span className={styles.path}>{id}</span> },
  ];
  return (
    <Section title={t('facts.details')}>
      <PropertyList items={items} />
      {view.state === 'ended' && <NotMeasured receipt={view.receipt} />}
    </Section>
  );
}

type Translate = ReturnType<typeof useTranslation<'migrations'>>['t'];

function Budget({ view }: { readonly view: MigrationView }) {
  const { t } = useTranslation('migrations');
  const { budgetMs } = subject(view);
  const usedMs = view.state === 'ended' ? view.receipt.budgetUsedMs : budgetMs;
  const budget = formatMs(budgetMs);
  return <>{usedMs > budgetMs ? t('facts.budgetWidened', { budget, used: formatMs(usedMs) }) : budget}</>;
}

/** What the receipt says first; null while there is none. */
function laterProperties(receipt: Receipt | null, t: Translate): Property[] {
  const { framesHeld, framesReplayed, framesLost, framesDuplicated, method, methodReason, connectionsKept } =
    receipt?.network ?? {};
  const known = (count: number | null | undefined) => count ?? '–';
  const frames =
    framesHeld === null || framesHeld === undefined
      ? '–'
      : t('facts.framesText', {
          ...{ held: framesHeld, replayed: known(framesReplayed) },
          ...{ duplicated: known(framesDuplicated), lost: known(framesLost) },
        });
  return [
    {
      label: t('facts.encryption'),
      value: receipt === null ? '–' : t(receipt.encrypted ? 'facts.encrypted' : 'facts.clear'),
    },
    {
      label: t('facts.compression'),
      value: receipt === null ? '–' : t(`facts.compressions.${receipt.compression}`),
    },
    {
      label: t('facts.traffic'),
      value:
        receipt === null ? (
          '–'
        ) : (
          <>
            {t(`facts.methods.${method ?? 'none'}`)}
            <div lang="en">{methodReason}</div>
          </>
        ),
    },
    { label: t('facts.frames'), value: frames },
    { label: t('facts.connections'), value: connectionsKept ?? null },
  ];
}

/** One reason often holds for several values. */
function NotMeasured({ receipt: { notMeasured } }: { readonly receipt: Receipt }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const byReason = Map.groupBy(Object.entries(notMeasured), ([, reason]) => reason);
  if (byReason.size === 0) return null;
  return (
    <Disclosure summary={`${t('facts.notMeasured')} (${Object.keys(notMeasured).length})`}>
      <div className={styles.missing}>
        {[...byReason].map(([reason, entries]) => (
          <div key={reason}>
            <div className={styles.path}>{entries.map(([path]) => path).join(', ')}</div>
            <div className={styles.quiet} lang="en">
              {reason}
            </div>
          </div>
        ))}
      </div>
    </Disclosure>
  );
}
