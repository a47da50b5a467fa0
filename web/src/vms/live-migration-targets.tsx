import { makeStyles, MenuDivider, MenuItem, Spinner, tokens } from '@fluentui/react-components';
import { OptionsRegular, ServerRegular, StarRegular } from '@fluentui/react-icons';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { type MigrationDryRun, migrateVm } from '../../../src/contract/migrations.ts';
import type { VmView } from '../../../src/contract/vms.ts';
import { useNodes } from '../live/live-hooks.ts';
import { useClient } from '../session/client-context.ts';
import { formatMs } from '../ui/format.ts';
import { FailureText } from '../ui/failure-text.tsx';
import { useMigrate } from './use-migrate.ts';

const useStyles = makeStyles({
  item: { maxWidth: '28rem' },
  sub: {
    fontSize: tokens.fontSizeBase200,
    lineHeight: tokens.lineHeightBase200,
    color: tokens.colorNeutralForeground3,
  },
  reason: { display: 'block', whiteSpace: 'normal' },
});

const ASK_EVERY_MS = 2000;
/** Forecasts of so many nodes are asked for, those with the most room; the others can be chosen without one. */
const FORECASTS_MAX = 12;

/** Where the VMs may go: the best node, then each node with its forecast, unsuitable ones with all reasons. */
export function LiveMigrationTargets(props: { readonly vms: readonly VmView[]; readonly onOptions: () => void }) {
  const { vms, onOptions } = props;
  const { t } = useTranslation('actions');
  const [only] = vms;
  return (
    <>
      {vms.length > 1 || only === undefined ? <SeveralTargets vms={vms} /> : <TargetsOfOne vm={only} />}
      <MenuDivider />
      <MenuItem icon={<OptionsRegular />} data-action="migrate-options" onClick={onOptions}>
        {t('targets.options')}
      </MenuItem>
    </>
  );
}

function SeveralTargets({ vms }: { readonly vms: readonly VmView[] }) {
  const { t } = useTranslation('actions');
  const migrate = useMigrate();
  return (
    <MenuItem
      icon={<StarRegular />}
      data-action="migrate-best"
      onClick={() =>
        migrate(
          vms.map(({ name }) => name),
          {},
        )
      }
    >
      {t('targets.several')}
    </MenuItem>
  );
}

function TargetsOfOne({ vm }: { readonly vm: VmView }) {
  const styles = useStyles();
  const { t } = useTranslation('actions');
  const client = useClient();
  const migrate = useMigrate();
  const nodes = useNodes().filter(({ role }) => role === 'node');
  const { data, error } = useQuery({
    queryKey: ['vm', vm.name, 'targets'],
    queryFn: async () => {
      const ask = (to?: string) =>
        client.call(migrateVm, { params: { name: vm.name }, body: { dryRun: true, ...(to !== undefined && { to }) } });
      const best = (await ask()) as MigrationDryRun;
      const others = best.candidates.filter(({ node, possible }) => possible && node !== best.destination);
      const roomiest = [...others].sort((left, right) => (right.freeMemoryBytes ?? 0) - (left.freeMemoryBytes ?? 0));
      const asked = await Promise.all(
        roomiest.slice(0, FORECASTS_MAX).map(({ node }) => ask(node) as Promise<MigrationDryRun>),
      );
      return { best, byNode: new Map([best, ...asked].map((answer) => [answer.destination, answer])) };
    },
    refetchInterval: ASK_EVERY_MS,
  });
  if (data === undefined && error !== null) {
    return (
      <MenuItem disabled className={styles.item} subText={<FailureText error={error} />}>
        {t('targets.notKnown')}
      </MenuItem>
    );
  }
  if (data === undefined) {
    return (
      <MenuItem icon={<Spinner size="tiny" />} disabled>
        {t('targets.asking')}
      </MenuItem>
    );
  }
  const { best, byNode } = data;
  return (
    <>
      <MenuItem
        icon={<StarRegular />}
        className={styles.item}
        data-action="migrate-best"
        disabled={!best.possible}
        onClick={() => best.possible && migrate([vm.name], {})}
        subText={best.possible ? t('targets.bestIs', { node: best.destination ?? '' }) : best.reasons.join(' ')}
      >
        {t('targets.best')}
      </MenuItem>
      <MenuDivider />
      {nodes.map(({ name }) => (
        <Target key={name} vm={vm} node={name} best={best} answer={byNode.get(name)} />
      ))}
    </>
  );
}

interface TargetProps {
  readonly vm: VmView;
  readonly node: string;
  readonly best: MigrationDryRun;
  /** What was answered for this very node; undefined: it is not suitable. */
  readonly answer: MigrationDryRun | undefined;
}

function Target({ vm, node, best, answer }: TargetProps) {
  const styles = useStyles();
  const { t } = useTranslation('actions');
  const migrate = useMigrate();
  const candidate = best.candidates.find((candidate) => candidate.node === node);
  const possible = candidate?.possible === true && answer?.possible !== false;
  const reasons = node === vm.owner ? [t('targets.here')] : [...(candidate?.reasons ?? []), ...(answer?.reasons ?? [])];
  return (
    <MenuItem
      icon={<ServerRegular />}
      className={styles.item}
      data-action={`migrate-${node}`}
      disabled={!possible}
      onClick={() => possible && migrate([vm.name], { to: node })}
      subText={
        possible ? (
          <Forecast answer={answer} />
        ) : (
          <span lang={node === vm.owner ? undefined : 'en'}>
            {[...new Set(reasons)].map((reason) => (
              <span key={reason} className={styles.reason}>
                {reason}
              </span>
            ))}
          </span>
        )
      }
    >
      {node}
    </MenuItem>
  );
}

function Forecast({ answer }: { readonly answer: MigrationDryRun | undefined }) {
  const { t } = useTranslation('actions');
  const { totalMs = null, blackoutMs = null } = answer?.forecast ?? {};
  if (totalMs === null) return t('targets.noForecast');
  const total = formatMs(totalMs);
  if (blackoutMs === null) return t('targets.forecastTotal', { total });
  return t('targets.forecast', { total, blackout: formatMs(blackoutMs) });
}
