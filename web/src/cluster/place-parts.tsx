import { makeStyles, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { ObjectLink } from '../ui/object-link.tsx';
import { StateBadge } from '../ui/state-badge.tsx';

const useStyles = makeStyles({
  page: {
    display: 'flex',
    flexDirection: 'column',
    gap: tokens.spacingVerticalM,
    padding: `0 ${tokens.spacingHorizontalL} ${tokens.spacingVerticalL}`,
  },
  intro: { color: tokens.colorNeutralForeground3, marginTop: 0, marginBottom: tokens.spacingVerticalS },
  names: { display: 'inline-flex', flexWrap: 'wrap', columnGap: tokens.spacingHorizontalS },
  summary: { cursor: 'pointer', whiteSpace: 'nowrap' },
});

export function usePlaceStyles() {
  return useStyles();
}

/** Whether every node has it; names those that do not. */
export function Spread(props: { readonly nodes: readonly string[]; readonly missingOn: readonly string[] }) {
  const { nodes, missingOn } = props;
  const { t } = useTranslation('cluster');
  if (missingOn.length === 0) return <StateBadge tone="good" text={t('everywhere')} />;
  return (
    <StateBadge
      tone={nodes.length === 0 ? 'bad' : 'warning'}
      text={t('onSome', { count: nodes.length, total: nodes.length + missingOn.length })}
    />
  );
}

/** Names that lead to their objects; many of them are behind their number. */
export function Names(props: { readonly to: 'vms' | 'nodes'; readonly names: readonly string[] }) {
  const { to, names } = props;
  const styles = useStyles();
  const { t } = useTranslation('cluster');
  if (names.length === 0) return <>–</>;
  const list = (
    <span className={styles.names}>
      {names.map((name) => (
        <ObjectLink key={name} to={to} name={name} />
      ))}
    </span>
  );
  if (names.length <= NAMES_SHOWN || to === 'nodes') return list;
  return (
    <details>
      <summary className={styles.summary}>{t('showVms', { count: names.length })}</summary>
      {list}
    </details>
  );
}

const NAMES_SHOWN = 6;
