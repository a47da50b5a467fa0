import { Button, makeStyles, mergeClasses, Subtitle1, tokens } from '@fluentui/react-components';
import {
  DatabasePlugConnectedRegular,
  ShieldCheckmarkFilled,
  ShieldDismissFilled,
  ShieldErrorFilled,
} from '@fluentui/react-icons';
import type { ReactElement, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Level, Reason, Verdict } from './verdict.ts';

const useStyles = makeStyles({
  root: {
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'flex-start',
    gap: tokens.spacingHorizontalL,
    padding: `${tokens.spacingVerticalL} ${tokens.spacingHorizontalL}`,
    borderRadius: tokens.borderRadiusLarge,
    border: `${tokens.strokeWidthThin} solid ${tokens.colorNeutralStroke2}`,
    borderLeft: `4px solid ${tokens.colorNeutralStroke1}`,
    backgroundColor: tokens.colorNeutralBackground1,
  },
  icon: { fontSize: '40px', lineHeight: 1, display: 'inline-flex' },
  words: { flexGrow: 1, flexBasis: '20rem', minWidth: 0 },
  title: { margin: 0 },
  reasons: { margin: `${tokens.spacingVerticalXS} 0 0`, paddingLeft: tokens.spacingHorizontalL },
  one: { margin: `${tokens.spacingVerticalXS} 0 0`, color: tokens.colorNeutralForeground2 },
  actions: { display: 'flex', flexWrap: 'wrap', gap: tokens.spacingHorizontalS },
  good: { borderLeftColor: tokens.colorStatusSuccessForeground1 },
  goodIcon: { color: tokens.colorStatusSuccessForeground1 },
  warning: { borderLeftColor: tokens.colorStatusWarningForeground1 },
  warningIcon: { color: tokens.colorStatusWarningForeground1 },
  bad: { borderLeftColor: tokens.colorStatusDangerForeground1 },
  badIcon: { color: tokens.colorStatusDangerForeground1 },
});

const ICONS: Record<Level, ReactElement> = {
  healthy: <ShieldCheckmarkFilled />,
  degraded: <ShieldErrorFilled />,
  unprotected: <ShieldDismissFilled />,
  stale: <DatabasePlugConnectedRegular />,
};

/** How the cluster is, in one sentence for each reason. */
export function VerdictBanner({ verdict, actions }: { readonly verdict: Verdict; readonly actions: ReactNode }) {
  const styles = useStyles();
  const { t } = useTranslation('cluster');
  const { level, reasons } = verdict;
  const tone = level === 'healthy' ? 'good' : level === 'unprotected' ? 'bad' : 'warning';
  const [first, second] = reasons;
  return (
    <section className={mergeClasses(styles.root, styles[tone])} aria-labelledby="verdict" role="status">
      <span className={mergeClasses(styles.icon, styles[`${tone}Icon`])} aria-hidden>
        {ICONS[level]}
      </span>
      <div className={styles.words}>
        <Subtitle1 as="h2" id="verdict" className={styles.title}>
          {t(`levels.${level}`)}
        </Subtitle1>
        {first === undefined ? (
          <p className={styles.one}>{t('healthyText')}</p>
        ) : second === undefined ? (
          <p className={styles.one}>
            <ReasonText reason={first} />
          </p>
        ) : (
          <ul className={styles.reasons}>
            {reasons.map((reason) => (
              <li key={JSON.stringify(reason)}>
                <ReasonText reason={reason} />
              </li>
            ))}
          </ul>
        )}
      </div>
      <div className={styles.actions}>{actions}</div>
    </section>
  );
}

function ReasonText({ reason }: { readonly reason: Reason }) {
  const { t } = useTranslation('cluster');
  switch (reason.key) {
    case 'server':
      return <span lang="en">{reason.text}</span>;
    case 'membersSilent':
    case 'nodesLost':
    case 'nodesPaused':
      return <>{t(`verdict.${reason.key}`, { names: reason.names.join(', ') })}</>;
    case 'noQuorum':
      return <>{t('verdict.noQuorum', { healthy: reason.healthy, total: reason.total })}</>;
    case 'disarmed':
      return <>{t('verdict.disarmed', { by: reason.by })}</>;
    case 'vmsFailed':
      return <>{t('verdict.vmsFailed', { count: reason.count })}</>;
    case 'misfits':
      return <>{t('verdict.misfits', { count: reason.count, node: reason.node })}</>;
    case 'stale':
    case 'singleNode':
    case 'notAutomatic':
      return <>{t(`verdict.${reason.key}`)}</>;
  }
}

/** A button of the banner. */
export function BannerButton(props: {
  readonly label: string;
  readonly action: string;
  readonly icon: ReactElement;
  readonly primary?: boolean;
  readonly onClick: () => void;
}) {
  return (
    <Button
      size="small"
      appearance={props.primary === true ? 'primary' : 'secondary'}
      icon={props.icon}
      data-action={props.action}
      onClick={props.onClick}
    >
      {props.label}
    </Button>
  );
}
