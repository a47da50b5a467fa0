import { makeStyles, MessageBar, MessageBarBody, MessageBarTitle, Text, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import type { DrainPlan } from '../../../src/contract/nodes.ts';
import { formatBytes, formatMs } from '../ui/format.ts';
import { ObjectLink } from '../ui/object-link.tsx';
import { SmallTable } from '../ui/small-table.tsx';

const useStyles = makeStyles({
  root: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalM, minWidth: 0 },
  reasons: { margin: 0, paddingLeft: tokens.spacingHorizontalL },
  sum: { color: tokens.colorNeutralForeground2 },
});

/** Order, destinations, estimates, and all that is in the way. */
export function DrainPlanView({ plan, title }: { readonly plan: DrainPlan; readonly title: string }) {
  const styles = useStyles();
  const { t } = useTranslation(['nodeActions', 'nodes']);
  const moves = plan.moves.map((move, index) => ({ ...move, place: index + 1 }));
  return (
    <div className={styles.root}>
      <Obstructions plan={plan} />
      {moves.length > 0 && (
        <>
          <SmallTable
            label={title}
            items={moves}
            keyOf={(move) => move.vm}
            columns={[
              { label: t('nodes:order'), render: (move) => move.place },
              { label: t('nodes:vm'), render: (move) => move.vm },
              { label: t('nodes:to'), render: (move) => <span title={move.reason}>{move.to}</span> },
              { label: t('drainHow'), render: (move) => (move.how === 'live' ? t('drainLive') : t('drainOwner')) },
              { label: t('nodes:vmMemory'), align: 'end', render: (move) => formatBytes(move.memoryBytes) },
              {
                label: t('drainEstimate'),
                align: 'end',
                render: (move) => (move.how === 'live' ? formatMs(move.estimateMs) : '–'),
              },
            ]}
          />
          {plan.estimateMs > 0 && (
            <Text className={styles.sum}>
              {t('drainTotal', { time: formatMs(plan.estimateMs) })} <span lang="en">{plan.basis}</span>
            </Text>
          )}
        </>
      )}
    </div>
  );
}

/** What cannot leave, and what waits, each with all reasons. */
export function Obstructions({ plan }: { readonly plan: Pick<DrainPlan, 'blockers' | 'waiting'> }) {
  const styles = useStyles();
  const { t } = useTranslation(['nodeActions', 'nodes']);
  const { blockers, waiting } = plan;
  const list = (items: DrainPlan['blockers']) => (
    <ul className={styles.reasons}>
      {items.map(({ vm, reasons }) => (
        <li key={vm}>
          <ObjectLink to="vms" name={vm} />: <span lang="en">{reasons.join(' ')}</span>
        </li>
      ))}
    </ul>
  );
  return (
    <>
      {blockers.length > 0 && (
        <MessageBar intent="error" layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>{t('drainBlockers', { count: blockers.length })}</MessageBarTitle> {t('drainBlockersText')}
            {list(blockers)}
          </MessageBarBody>
        </MessageBar>
      )}
      {waiting.length > 0 && (
        <MessageBar intent="info" layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>{t('drainWaiting')}</MessageBarTitle>
            {list(waiting)}
          </MessageBarBody>
        </MessageBar>
      )}
    </>
  );
}
