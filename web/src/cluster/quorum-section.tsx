import { makeStyles, Text, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import type { ClusterView } from '../../../src/contract/cluster.ts';
import { Section } from '../ui/section.tsx';
import { SmallTable } from '../ui/small-table.tsx';
import { StateBadge } from '../ui/state-badge.tsx';
import { nodeTone } from '../ui/tones.ts';

const useStyles = makeStyles({
  root: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalS },
  muted: { color: tokens.colorNeutralForeground3 },
});

/** The members of the database as votes. */
export function QuorumSection({ cluster }: { readonly cluster: ClusterView }) {
  const styles = useStyles();
  const { t } = useTranslation(['cluster', 'ui']);
  const { quorum, witness } = cluster;
  const needed = Math.floor(quorum.total / 2) + 1;
  const members = [...quorum.members].sort((left, right) =>
    left.name.localeCompare(right.name, undefined, { numeric: true }),
  );
  // One version for all stands among the versions of the cluster.
  const mixed = cluster.versions.store.length > 1;
  const spare = Math.max(0, quorum.healthy - needed);
  return (
    <Section title={t('cluster:quorum')}>
      <div className={styles.root}>
        <Text>
          {t(quorum.held ? 'cluster:quorumHeld' : 'cluster:quorumLost', {
            ...{ healthy: quorum.healthy, total: quorum.total, needed },
          })}{' '}
          {quorum.held && t('cluster:quorumSpare', { count: spare })}
        </Text>
        <SmallTable
          label={t('cluster:quorum')}
          items={members}
          keyOf={(member) => member.name}
          columns={[
            { label: t('cluster:member'), render: (member) => member.name },
            {
              label: t('cluster:health'),
              render: (member) => (
                <StateBadge
                  tone={member.healthy ? 'good' : 'bad'}
                  text={
                    member.leader
                      ? `${t('cluster:healthy')}, ${t('cluster:leader')}`
                      : t(member.healthy ? 'cluster:healthy' : 'cluster:silent')
                  }
                />
              ),
            },
            ...(mixed ? [{ label: t('cluster:version'), render: versionOf }] : []),
          ]}
        />
        <Text className={styles.muted}>
          {t('cluster:witness')}:{' '}
          {witness === null ? (
            t('cluster:witnessNone')
          ) : (
            <>
              {witness.name} <StateBadge tone={nodeTone(witness.state)} text={t(`ui:nodeStates.${witness.state}`)} />
            </>
          )}
        </Text>
      </div>
    </Section>
  );
}

function versionOf({ version }: ClusterView['quorum']['members'][number]): string {
  return version ?? '–';
}
