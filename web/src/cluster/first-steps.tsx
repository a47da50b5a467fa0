import { Button, makeStyles, Subtitle2, Text, tokens } from '@fluentui/react-components';
import { CheckmarkRegular, CopyRegular, DesktopRegular, KeyRegular, ServerRegular } from '@fluentui/react-icons';
import { type ReactElement, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import type { ClusterView } from '../../../src/contract/cluster.ts';
import { createJoinToken } from '../../../src/contract/join.ts';
import { useLive, useNodes } from '../live/live-hooks.ts';
import { useClient } from '../session/client-context.ts';
import { formatTime } from '../ui/format.ts';
import { Section } from '../ui/section.tsx';
import { useRun } from '../ui/use-run.tsx';

const useStyles = makeStyles({
  steps: {
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 20rem), 1fr))',
    gap: tokens.spacingHorizontalXL,
    margin: 0,
    padding: 0,
    listStyleType: 'none',
  },
  step: { display: 'flex', gap: tokens.spacingHorizontalM, minWidth: 0 },
  icon: { fontSize: '24px', color: tokens.colorBrandForeground1, flexShrink: 0, lineHeight: 1.2 },
  words: {
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'flex-start',
    gap: tokens.spacingVerticalS,
    minWidth: 0,
    flexGrow: 1,
  },
  title: { margin: 0 },
  muted: { color: tokens.colorNeutralForeground3 },
  command: {
    display: 'flex',
    alignItems: 'center',
    gap: tokens.spacingHorizontalS,
    maxWidth: '100%',
    boxSizing: 'border-box',
    padding: `${tokens.spacingVerticalXS} ${tokens.spacingHorizontalS}`,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground3,
  },
  code: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200, overflowWrap: 'anywhere' },
});

/** What a new cluster still lacks, each with its next step; nothing once it has all. */
export function FirstSteps({ cluster }: { readonly cluster: ClusterView }) {
  const styles = useStyles();
  const { t } = useTranslation('cluster');
  const [, navigate] = useLocation();
  const needsNode = cluster.nodes.total === 1;
  const needsVote = cluster.nodes.total === 2 && cluster.quorum.total < 3;
  const needsVm = cluster.vms.total === 0;
  if (!needsNode && !needsVote && !needsVm) return null;
  return (
    <Section title={t('firstTitle')}>
      <ul className={styles.steps}>
        {needsVm && (
          <Step icon={<DesktopRegular />} title={t('firstVm')} text={t('firstVmText')}>
            <Button appearance="primary" data-action="new-vm" onClick={() => navigate('/new-vm')}>
              {t('newVm')}
            </Button>
          </Step>
        )}
        {needsNode && (
          <Step icon={<ServerRegular />} title={t('firstNode')} text={t('firstNodeText')}>
            <JoinCommand />
            <Text size={200} className={styles.muted}>
              {t('firstNodeCli')}
            </Text>
            <Command text="godwit cluster token" />
          </Step>
        )}
        {needsVote && (
          <Step icon={<KeyRegular />} title={t('firstWitness')} text={t('firstWitnessText')}>
            <JoinCommand witness />
          </Step>
        )}
      </ul>
    </Section>
  );
}

function Step(props: {
  readonly icon: ReactElement;
  readonly title: string;
  readonly text: string;
  readonly children: ReactNode;
}) {
  const styles = useStyles();
  return (
    <li className={styles.step}>
      <span className={styles.icon} aria-hidden>
        {props.icon}
      </span>
      <div className={styles.words}>
        <Subtitle2 as="h3" className={styles.title}>
          {props.title}
        </Subtitle2>
        <Text>{props.text}</Text>
        {props.children}
      </div>
    </li>
  );
}

/** Makes a token and shows the command with which one machine joins. */
export function JoinCommand({ witness = false }: { readonly witness?: boolean }) {
  const styles = useStyles();
  const { t } = useTranslation('cluster');
  const client = useClient();
  const run = useRun();
  const nodes = useNodes();
  const servedBy = useLive((state) => state.servedBy);
  const [made, setMade] = useState<{ readonly token: string; readonly expiresAt: string } | null>(null);
  // Another machine reaches a node at the address that the cluster itself uses.
  const url = nodes.find(({ name }) => name === servedBy)?.apiUrl ?? location.origin;
  const make = () =>
    void run({ what: t('makingToken'), call: () => client.call(createJoinToken, { body: {} }) }).then(
      (token) => token !== undefined && setMade(token),
    );
  if (made === null) {
    return (
      <Button icon={<KeyRegular />} data-action="make-token" onClick={make}>
        {t('makeCommand')}
      </Button>
    );
  }
  return (
    <>
      <Command text={`godwit cluster join ${url} --token ${made.token}${witness ? ' --witness' : ''}`} />
      <Text size={200} className={styles.muted}>
        {t('validUntil', { time: formatTime(made.expiresAt) })}
      </Text>
    </>
  );
}

function Command({ text }: { readonly text: string }) {
  const styles = useStyles();
  const { t } = useTranslation('cluster');
  const [copied, setCopied] = useState(false);
  return (
    <span className={styles.command}>
      <code className={styles.code}>{text}</code>
      <Button
        size="small"
        appearance="subtle"
        icon={copied ? <CheckmarkRegular /> : <CopyRegular />}
        aria-label={copied ? t('copied') : t('copy')}
        onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}
      />
    </span>
  );
}
