import { makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { ChevronRightRegular, ErrorCircleFilled, InfoRegular } from '@fluentui/react-icons';
import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import type { EventView } from '../../../src/contract/events.ts';
import { formatDateTime, formatTime } from '../ui/format.ts';
import { PropertyList } from '../ui/property-list.tsx';

const useStyles = makeStyles({
  list: { listStyleType: 'none', margin: 0, padding: 0, minWidth: 0 },
  item: {
    borderBottom: `${tokens.strokeWidthThin} solid ${tokens.colorNeutralStroke3}`,
    ':last-child': { borderBottomWidth: 0 },
    // Rows out of sight cost nothing, so that thousands scroll smoothly.
    contentVisibility: 'auto',
    containIntrinsicSize: 'auto 36px',
  },
  head: {
    display: 'grid',
    gridTemplateColumns: '16px 16px 10.5rem minmax(0, 13rem) minmax(0, 1fr)',
    columnGap: tokens.spacingHorizontalS,
    alignItems: 'baseline',
    width: '100%',
    boxSizing: 'border-box',
    padding: `${tokens.spacingVerticalSNudge} ${tokens.spacingHorizontalS}`,
    border: 'none',
    background: 'none',
    color: 'inherit',
    font: 'inherit',
    textAlign: 'start',
    cursor: 'pointer',
    ':hover': { backgroundColor: tokens.colorSubtleBackgroundHover },
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: '-2px' },
    '@media (max-width: 767px)': { gridTemplateColumns: '16px 16px minmax(0, 1fr)' },
  },
  compact: { gridTemplateColumns: '16px 16px minmax(0, 1fr)' },
  chevron: {
    alignSelf: 'center',
    display: 'inline-flex',
    color: tokens.colorNeutralForeground3,
    transitionProperty: 'transform',
    transitionDuration: tokens.durationFast,
    '@media (prefers-reduced-motion: reduce)': { transitionDuration: '0s' },
  },
  open: { transform: 'rotate(90deg)' },
  mark: { alignSelf: 'center', display: 'inline-flex', color: tokens.colorNeutralForeground3 },
  critical: { color: tokens.colorStatusDangerForeground1 },
  time: { color: tokens.colorNeutralForeground2, fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' },
  kind: {
    color: tokens.colorNeutralForeground2,
    overflow: 'hidden',
    textOverflow: 'ellipsis',
    whiteSpace: 'nowrap',
  },
  wide: { '@media (max-width: 767px)': { gridColumn: '3 / -1' } },
  below: { gridColumn: '3 / -1' },
  small: { fontSize: tokens.fontSizeBase200 },
  text: { minWidth: 0, overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' },
  textOpen: { whiteSpace: 'normal', fontWeight: tokens.fontWeightSemibold },
  details: {
    padding: `${tokens.spacingVerticalXS} ${tokens.spacingHorizontalM} ${tokens.spacingVerticalM} 56px`,
    '@media (max-width: 767px)': { paddingLeft: tokens.spacingHorizontalXXXL },
  },
  link: { color: tokens.colorBrandForegroundLink },
});

/** The newest first; each opens to its reason. `compact`: without the kind. */
export function EventList(props: { readonly events: readonly EventView[]; readonly compact?: boolean }) {
  const styles = useStyles();
  const { t } = useTranslation('events');
  return (
    <ul className={styles.list} aria-label={t('list')}>
      {props.events.map((event) => (
        <EventItem key={event.id} event={event} compact={props.compact === true} />
      ))}
    </ul>
  );
}

function EventItem({ event, compact }: { readonly event: EventView; readonly compact: boolean }) {
  const styles = useStyles();
  const { t } = useTranslation('events');
  const [open, setOpen] = useState(false);
  const id = useId();
  return (
    <li className={styles.item}>
      <button
        type="button"
        className={mergeClasses(styles.head, compact && styles.compact)}
        aria-expanded={open}
        {...(open && { 'aria-controls': id })}
        onClick={() => setOpen(!open)}
      >
        <span className={mergeClasses(styles.chevron, open && styles.open)} aria-hidden>
          <ChevronRightRegular />
        </span>
        <span
          className={mergeClasses(styles.mark, event.critical && styles.critical)}
          role="img"
          aria-label={event.critical ? t('critical') : t('information')}
        >
          {event.critical ? <ErrorCircleFilled aria-hidden /> : <InfoRegular aria-hidden />}
        </span>
        <time className={mergeClasses(styles.time, styles.wide, compact && styles.small)} dateTime={event.at}>
          {formatTime(event.at)}
          {compact && ` · ${t(`kinds.${event.kind}`)}`}
        </time>
        {!compact && <span className={mergeClasses(styles.kind, styles.wide)}>{t(`kinds.${event.kind}`)}</span>}
        <span
          className={mergeClasses(styles.text, styles.wide, compact && styles.below, open && styles.textOpen)}
          lang="en"
        >
          {event.text}
        </span>
      </button>
      {open && (
        <div id={id} className={styles.details}>
          <EventDetails event={event} />
        </div>
      )}
    </li>
  );
}

function EventDetails({ event }: { readonly event: EventView }) {
  const styles = useStyles();
  const { t } = useTranslation('events');
  const about = [
    ...(event.vm === null ? [] : [{ name: event.vm, path: `/vms/${encodeURIComponent(event.vm)}` }]),
    ...(event.node === null ? [] : [{ name: event.node, path: `/nodes/${encodeURIComponent(event.node)}` }]),
  ];
  return (
    <PropertyList
      items={[
        { label: t('why'), value: event.reason === '' ? null : <span lang="en">{event.reason}</span> },
        { label: t('kind'), value: t(`kinds.${event.kind}`) },
        { label: t('when'), value: formatDateTime(event.at) },
        {
          label: t('about'),
          value:
            about.length === 0
              ? null
              : about.map(({ name, path }, index) => (
                  <span key={path}>
                    {index > 0 && ', '}
                    <Link href={path} className={styles.link}>
                      {name}
                    </Link>
                  </span>
                )),
        },
        { label: t('saidBy'), value: event.by },
      ]}
    />
  );
}
