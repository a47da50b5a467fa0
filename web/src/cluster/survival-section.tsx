import { makeStyles, Text, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import type { ClusterView } from '../../../src/contract/cluster.ts';
import { fencingOf } from '../nodes/node-facts.ts';
import { formatMs } from '../ui/format.ts';
import { ObjectLink } from '../ui/object-link.tsx';
import { Section } from '../ui/section.tsx';
import { SmallTable } from '../ui/small-table.tsx';
import { StateBadge } from '../ui/state-badge.tsx';

const useStyles = makeStyles({
  root: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalS },
  muted: { color: tokens.colorNeutralForeground3 },
  parts: {
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    gap: `${tokens.spacingVerticalXXS} ${tokens.spacingHorizontalS}`,
  },
});

type Loss = ClusterView['survival']['nodes'][number];

/** Each node as if it died now. */
export function SurvivalSection({ cluster }: { readonly cluster: ClusterView }) {
  const styles = useStyles();
  const { t } = useTranslation('cluster');
  const { survival } = cluster;
  return (
    <Section title={t('survival')}>
      <div className={styles.root}>
        <span className={styles.parts}>
          <StateBadge
            tone={survival.survives ? 'good' : 'warning'}
            text={survival.survives ? t('survivesYes') : t('survivesNo')}
          />
          <Text>{survival.survives ? t('survives') : t('survivesNot')}</Text>
        </span>
        {!survival.survives && <Text lang="en">{survival.text}</Text>}
        {survival.nodes.length > 0 && (
          <SmallTable
            label={t('survival')}
            items={survival.nodes}
            keyOf={(loss) => loss.node}
            columns={[
              { label: t('node'), render: (loss) => <ObjectLink to="nodes" name={loss.node} /> },
              { label: t('outcome'), render: (loss) => <Outcome loss={loss} cluster={cluster} /> },
            ]}
          />
        )}
      </div>
    </Section>
  );
}

function Outcome({ loss, cluster }: { readonly loss: Loss; readonly cluster: ClusterView }) {
  const styles = useStyles();
  const { t } = useTranslation('cluster');
  const { moves, misfits, notProtected } = loss;
  const takeoverMs = fencingOf(cluster, loss.node)?.takeoverMs ?? null;
  const when = takeoverMs === null ? t('lossProof') : t('lossTakeover', { time: formatMs(takeoverMs) });
  return (
    <span className={styles.parts}>
      <span>{t('lossMoves', { count: moves.length })}</span>
      {moves.length > 0 && <span className={styles.muted}>{when}</span>}
      {misfits.length > 0 && <StateBadge tone="bad" text={t('lossMisfits', { count: misfits.length })} />}
      {notProtected.length > 0 && (
        <span className={styles.muted}>{t('lossUnprotected', { count: notProtected.length })}</span>
      )}
    </span>
  );
}
