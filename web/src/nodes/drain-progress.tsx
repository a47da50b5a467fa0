import { makeStyles, ProgressBar, Text, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import type { NodeView } from '../../../src/contract/cluster.ts';
import type { NodeDetail } from '../../../src/contract/nodes.ts';
import { useMigrations } from '../live/live-hooks.ts';
import { MigrationStrip } from '../migrations/migration-strip.tsx';
import { Section } from '../ui/section.tsx';
import { StateBadge } from '../ui/state-badge.tsx';
import type { Tone } from '../ui/tones.ts';
import { DrainPlanView } from './drain-plan.tsx';
import { useDrainPlan } from './use-node-detail.ts';

const useStyles = makeStyles({
  root: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalM },
  strips: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalS },
  failures: { margin: 0, paddingLeft: tokens.spacingHorizontalL, color: tokens.colorStatusDangerForeground1 },
});

const TONES: Record<'moving' | 'blocked' | 'ended', Tone> = { moving: 'busy', blocked: 'bad', ended: 'good' };

/** A drain that runs: how far it is, what is on the move, what is still to come and what is in the way. */
export function DrainProgress({ node, detail }: { readonly node: NodeView; readonly detail: NodeDetail }) {
  const styles = useStyles();
  const { t } = useTranslation('nodeActions');
  const plan = useDrainPlan(node.name);
  const migrations = useMigrations();
  const { drain } = detail.service;
  if (drain === null || node.state !== 'draining') return null;
  const moving = migrations.flatMap((view) =>
    view.state === 'open' && view.progress.source === node.name ? [view.progress.vm] : [],
  );
  const total = new Set([...drain.vms, ...node.vms]).size;
  const done = total - node.vms.length;
  const progress = t('drainProgress', { done, total });
  return (
    <Section
      title={t('drainRunning', { node: node.name })}
      actions={<StateBadge tone={TONES[drain.state]} text={t(`drainStates.${drain.state}`)} />}
    >
      <div className={styles.root}>
        <div>
          <ProgressBar value={total === 0 ? 1 : done / total} thickness="large" aria-label={progress} />
          <Text role="status">
            {progress}. <span lang="en">{drain.text}</span>
          </Text>
        </div>
        {moving.length > 0 && (
          <div className={styles.strips}>
            <Text weight="semibold">{t('drainMoving')}</Text>
            {moving.map((vm) => (
              <MigrationStrip key={vm} vm={vm} />
            ))}
          </div>
        )}
        {plan.data !== undefined && (
          // What is on the move stands above.
          <DrainPlanView
            plan={{ ...plan.data, waiting: plan.data.waiting.filter(({ vm }) => !moving.includes(vm)) }}
            title={t('drainNext')}
          />
        )}
        {drain.failures.length > 0 && (
          <ul className={styles.failures} aria-label={t('drainFailures')}>
            {drain.failures.map(({ vm, tries, reason }) => (
              <li key={vm}>
                {vm}: {t('drainFailed', { count: tries })} <span lang="en">{reason}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
    </Section>
  );
}
