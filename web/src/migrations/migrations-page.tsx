import {
  Button,
  Caption1,
  Dropdown,
  makeStyles,
  Option,
  SearchBox,
  Subtitle2,
  tokens,
} from '@fluentui/react-components';
import { ArrowSwapRegular, ReceiptRegular } from '@fluentui/react-icons';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { EmptyState } from '../ui/empty-state.tsx';
import { ObjectList } from '../ui/object-list.tsx';
import { Page } from '../ui/page.tsx';
import type { Receipt } from './migration-figures.ts';
import { OpenMigrationStrip } from './migration-strip.tsx';
import { useReceiptColumns } from './receipt-columns.tsx';
import { useEndedMigrations, useOpenMigrations } from './use-migration-views.ts';

const OUTCOMES = ['completed', 'cancelled', 'failed'] as const;

const useStyles = makeStyles({
  body: {
    display: 'flex',
    flexDirection: 'column',
    height: '100%',
    minHeight: 0,
    gap: tokens.spacingVerticalM,
    padding: `0 ${tokens.spacingHorizontalL} ${tokens.spacingVerticalL}`,
    boxSizing: 'border-box',
  },
  open: {
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fill, minmax(min(100%, 26rem), 1fr))',
    gap: tokens.spacingHorizontalM,
    // A drain may move dozens: the receipts stay in sight.
    maxHeight: '45%',
    overflow: 'auto',
    flexShrink: 0,
  },
  title: { margin: 0 },
  bar: { display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: tokens.spacingHorizontalM },
  grow: { flexGrow: 1 },
  search: { minWidth: '15rem' },
  count: { color: tokens.colorNeutralForeground3, fontVariantNumeric: 'tabular-nums' },
  list: {
    flexGrow: 1,
    minHeight: '12rem',
    backgroundColor: tokens.colorNeutralBackground1,
    border: `${tokens.strokeWidthThin} solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusLarge,
    overflow: 'hidden',
  },
});

/** What moves now, and the receipts of what has moved. */
export function MigrationsPage() {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const [, navigate] = useLocation();
  const open = useOpenMigrations();
  const ended = useEndedMigrations();
  return (
    <Page title={t('title')} crumbs={[]}>
      {open.length === 0 && ended.length === 0 ? (
        <EmptyState
          icon={<ArrowSwapRegular />}
          title={t('list.noneTitle')}
          text={t('list.noneText')}
          action={
            <Button appearance="primary" onClick={() => navigate('/vms')}>
              {t('list.toVms')}
            </Button>
          }
        />
      ) : (
        <div className={styles.body}>
          {open.length > 0 && (
            <>
              <Subtitle2 as="h2" className={styles.title}>
                {t('list.open')}
              </Subtitle2>
              <div className={styles.open}>
                {open.map((progress) => (
                  <OpenMigrationStrip key={progress.id} progress={progress} withVm />
                ))}
              </div>
            </>
          )}
          <Receipts ended={ended} />
        </div>
      )}
    </Page>
  );
}

interface Filter {
  readonly text: string;
  readonly outcome: Receipt['outcome'] | '';
}

const NO_FILTER: Filter = { text: '', outcome: '' };

function Receipts({ ended }: { readonly ended: readonly Receipt[] }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const [, navigate] = useLocation();
  const columns = useReceiptColumns();
  const [filter, setFilter] = useState(NO_FILTER);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const shown = useMemo(() => ended.filter((each) => matches(each, filter)), [ended, filter]);
  const openReceipt = (id: string) => navigate(`/migrations/${id}`);
  return (
    <>
      <FilterBar filter={filter} onFilter={setFilter} shown={shown.length} all={ended.length} />
      <div className={styles.list}>
        <ObjectList
          id="migrations"
          label={t('list.label')}
          items={shown}
          keyOf={({ id }) => id}
          columns={columns}
          selected={selected}
          onSelect={setSelected}
          onOpen={openReceipt}
          sorting={{ column: 'started', descending: true }}
          actions={[...selected].slice(0, 1).map((id) => ({
            ...{ id: 'open-receipt', label: t('list.openReceipt'), icon: <ReceiptRegular /> },
            ...{ obstacle: null, group: 'receipt', run: () => openReceipt(id) },
          }))}
          empty={
            <EmptyState
              icon={<ReceiptRegular />}
              title={t('list.noneMatch')}
              text=""
              action={<Button onClick={() => setFilter(NO_FILTER)}>{t('list.clear')}</Button>}
            />
          }
        />
      </div>
    </>
  );
}

function FilterBar(props: {
  readonly filter: Filter;
  readonly onFilter: (filter: Filter) => void;
  readonly shown: number;
  readonly all: number;
}) {
  const { filter, onFilter, shown, all } = props;
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  return (
    <div className={styles.bar}>
      <Subtitle2 as="h2" className={styles.title}>
        {t('list.ended')}
      </Subtitle2>
      <Caption1 className={styles.count} aria-live="polite">
        {shown === all ? t('list.count', { count: all }) : t('list.countOf', { shown, count: all })}
      </Caption1>
      <span className={styles.grow} />
      <SearchBox
        className={styles.search}
        size="small"
        value={filter.text}
        onChange={(_event, { value }) => onFilter({ ...filter, text: value })}
        placeholder={t('list.filter')}
        aria-label={t('list.filter')}
      />
      <Dropdown
        size="small"
        aria-label={t('list.outcomes')}
        value={filter.outcome === '' ? t('list.everyOutcome') : t(`states.${filter.outcome}`)}
        selectedOptions={[filter.outcome]}
        onOptionSelect={(_event, { optionValue }) =>
          onFilter({ ...filter, outcome: OUTCOMES.find((each) => each === optionValue) ?? '' })
        }
      >
        <Option value="">{t('list.everyOutcome')}</Option>
        {OUTCOMES.map((each) => (
          <Option key={each} value={each}>
            {t(`states.${each}`)}
          </Option>
        ))}
      </Dropdown>
    </div>
  );
}

function matches({ vm, source, destination, outcome }: Receipt, filter: Filter): boolean {
  const needle = filter.text.trim().toLowerCase();
  const found = [vm, source, destination].some((name) => name.toLowerCase().includes(needle));
  return found && (filter.outcome === '' || outcome === filter.outcome);
}
