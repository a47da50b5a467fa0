import { makeStyles, MessageBar, MessageBarBody, MessageBarTitle, Text, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import type { NodeView } from '../../../src/contract/cluster.ts';
import { useCluster } from '../live/live-hooks.ts';
import { formatBytes, formatMs } from '../ui/format.ts';
import { ObjectLink } from '../ui/object-link.tsx';
import { SmallTable } from '../ui/small-table.tsx';
import { StateBadge } from '../ui/state-badge.tsx';
import { fencingOf, lossOf } from './node-facts.ts';

const useStyles = makeStyles({
  root: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalS },
  muted: { color: tokens.colorNeutralForeground3 },
  list: { margin: 0, paddingLeft: tokens.spacingHorizontalL },
});

/** If this node died now: where each VM would go, what would not fit, and how long it takes. */
export function NodeLossView({ node }: { readonly node: NodeView }) {
  const styles = useStyles();
  const { t } = useTranslation('nodes');
  const cluster = useCluster();
  const loss = lossOf(cluster, node.name);
  if (cluster === null) return null;
  if (loss === null) return <Text>{t('lossGone', { node: node.name })}</Text>;
  const { moves, misfits, notProtected } = loss;
  const empty = moves.length + misfits.length + notProtected.length === 0;
  const rows = moves.map((move, index) => ({ ...move, place: index + 1 }));
  return (
    <div className={styles.root}>
      <Text size={200} className={styles.muted}>
        {t('lossText', { node: node.name })}
      </Text>
      <span>
        <StateBadge
          tone={empty || misfits.length === 0 ? 'good' : 'bad'}
          text={
            empty
              ? t('lossEmpty', { node: node.name })
              : misfits.length === 0
                ? t('lossSurvives', { node: node.name })
                : t('lossMisfits', { count: misfits.length })
          }
        />
      </span>
      {!empty && <When node={node} />}
      {rows.length > 0 && (
        <SmallTable
          label={t('lossOrder')}
          items={rows}
          keyOf={(move) => move.vm}
          columns={[
            { label: t('order'), render: (move) => move.place },
            { label: t('vm'), render: (move) => <ObjectLink to="vms" name={move.vm} /> },
            { label: t('to'), render: (move) => <ObjectLink to="nodes" name={move.to} /> },
          ]}
        />
      )}
      {misfits.length > 0 && (
        <MessageBar intent="error" layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>{t('lossNoPlace')}</MessageBarTitle>
            <ul className={styles.list}>
              {misfits.map(({ vm, memoryBytes, reason }) => (
                <li key={vm}>
                  <ObjectLink to="vms" name={vm} /> ({formatBytes(memoryBytes)}): <span lang="en">{reason}</span>
                </li>
              ))}
            </ul>
          </MessageBarBody>
        </MessageBar>
      )}
      {notProtected.length > 0 && (
        <Text>
          {t('lossNotProtected')}: {notProtected.join(', ')}
        </Text>
      )}
    </div>
  );
}

/** How long it takes until the others act, or what keeps them from it. */
function When({ node }: { readonly node: NodeView }) {
  const { t } = useTranslation('nodes');
  const cluster = useCluster();
  const takeoverMs = fencingOf(cluster, node.name)?.takeoverMs ?? null;
  if (cluster?.availability.armed === false) return <Text>{t('lossDisarmed')}</Text>;
  if (takeoverMs === null) return <Text>{t('lossWhenProof', { node: node.name })}</Text>;
  return <Text>{t('lossWhenVote', { time: formatMs(takeoverMs) })}</Text>;
}
