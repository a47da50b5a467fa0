import { Dropdown, makeStyles, Option, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { useLocation, useSearchParams } from 'wouter';
import { formatDateTime, formatMs } from '../ui/format.ts';
import { Section } from '../ui/section.tsx';
import { compareReceipts } from './compare-receipts.ts';
import { FigureTable } from './figure-table.tsx';
import type { Receipt } from './migration-figures.ts';
import { useEndedMigrations } from './use-migration-views.ts';

const useStyles = makeStyles({
  choice: { minWidth: '14rem', maxWidth: '100%', '@media print': { display: 'none' } },
  table: { '@media print': { fontSize: tokens.fontSizeBase200 } },
  quiet: { color: tokens.colorNeutralForeground3 },
  good: { color: tokens.colorStatusSuccessForeground1 },
  bad: { color: tokens.colorStatusDangerForeground1 },
  unprinted: { '@media print': { display: 'none' } },
});

/** This receipt beside an earlier or later one of the same VM; which one is in the address. */
export function CompareSection({ receipt }: { readonly receipt: Receipt }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const [search] = useSearchParams();
  const [path, navigate] = useLocation();
  const others = useEndedMigrations().filter(({ vm, id }) => vm === receipt.vm && id !== receipt.id);
  const wanted = search.get('with');
  const other = others.find(({ id }) => id === wanted);
  const name = ({ startedAt, source, destination, outcome, blackoutMs }: Receipt) =>
    `${formatDateTime(startedAt)} · ${source} → ${destination} · ${
      blackoutMs === null ? t(`states.${outcome}`) : formatMs(blackoutMs)
    }`;
  if (others.length === 0) {
    return (
      <Section title={t('compare.title')} className={styles.unprinted}>
        <span className={styles.quiet}>{t('compare.nothing', { vm: receipt.vm })}</span>
      </Section>
    );
  }
  return (
    <Section
      title={t('compare.title')}
      {...(other === undefined && { className: styles.unprinted })}
      actions={
        <Dropdown
          size="small"
          className={styles.choice}
          aria-label={t('compare.choose')}
          placeholder={t('compare.choose')}
          value={other === undefined ? '' : name(other)}
          selectedOptions={[other?.id ?? '']}
          onOptionSelect={(_event, { optionValue }) =>
            navigate(optionValue ? `${path}?with=${optionValue}` : path, { replace: true })
          }
        >
          <Option value="">{t('compare.none')}</Option>
          {others.map((each) => (
            <Option key={each.id} value={each.id} text={name(each)}>
              {name(each)}
            </Option>
          ))}
        </Dropdown>
      }
    >
      {other !== undefined && <Compared receipt={receipt} other={other} otherName={name(other)} />}
    </Section>
  );
}

function Compared(props: { readonly receipt: Receipt; readonly other: Receipt; readonly otherName: string }) {
  const { receipt, other, otherName } = props;
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  return (
    <div className={styles.table}>
      <FigureTable
        label={`${t('compare.title')}: ${otherName}`}
        heads={[t('compare.figure'), t('compare.this'), t('compare.other'), t('compare.difference')]}
        rows={compareReceipts(receipt, other, t).map(({ key, here, there, difference, verdict }) => ({
          key,
          cells: [
            t(`compare.${key}`),
            here,
            there,
            <span
              key="difference"
              className={verdict === null ? styles.quiet : verdict === 'better' ? styles.good : styles.bad}
            >
              {difference}
              {verdict !== null && ` ${t(`compare.${verdict}`)}`}
            </span>,
          ],
        }))}
      />
    </div>
  );
}
