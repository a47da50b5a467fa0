import { makeStyles, tokens } from '@fluentui/react-components';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Group, Panel, Separator } from 'react-resizable-panels';
import { useNarrow } from './narrow.ts';

const useStyles = makeStyles({
  root: { height: '100%', minHeight: 0 },
  column: { display: 'flex', height: '100%', minWidth: 0 },
  panes: { flexGrow: 1, minWidth: 0, height: '100%' },
  list: {
    height: '100%',
    backgroundColor: tokens.colorNeutralBackground1,
    borderTop: `${tokens.strokeWidthThin} solid ${tokens.colorNeutralStroke2}`,
  },
  details: {
    height: '100%',
    overflow: 'auto',
    padding: tokens.spacingHorizontalM,
    boxSizing: 'border-box',
  },
  actions: {
    width: '220px',
    flexShrink: 0,
    borderLeft: `${tokens.strokeWidthThin} solid ${tokens.colorNeutralStroke2}`,
    borderTop: `${tokens.strokeWidthThin} solid ${tokens.colorNeutralStroke2}`,
    backgroundColor: tokens.colorNeutralBackground2,
  },
  separator: {
    height: '5px',
    backgroundColor: tokens.colorNeutralStroke3,
    ':hover': { backgroundColor: tokens.colorBrandStroke2 },
    ':focus-visible': { backgroundColor: tokens.colorBrandStroke1, outlineStyle: 'none' },
  },
  narrowList: { height: '55vh', backgroundColor: tokens.colorNeutralBackground1 },
  narrow: { padding: tokens.spacingHorizontalM },
});

/** The list, below it the details of what is selected, at the right what can be done to it. */
export function SplitPage(props: {
  readonly list: ReactNode;
  /** null: nothing is selected, the list has all the room. */
  readonly details: ReactNode | null;
  readonly actions: ReactNode | null;
}) {
  const { list, details, actions } = props;
  const styles = useStyles();
  const { t } = useTranslation('ui');
  const narrow = useNarrow();
  if (narrow) {
    return (
      <div>
        <div className={styles.narrowList}>{list}</div>
        {details !== null && <div className={styles.narrow}>{details}</div>}
        {actions}
      </div>
    );
  }
  return (
    <div className={styles.column}>
      <div className={styles.panes}>
        {/* The list stays the same element when details come and go: an open menu of it must not vanish. */}
        <Group orientation="vertical" className={styles.root}>
          <Panel id="list" defaultSize={details === null ? '100%' : '42%'} minSize="100px">
            <div className={styles.list}>{list}</div>
          </Panel>
          {details !== null && (
            <>
              <Separator className={styles.separator} aria-label={t('resizeDetails')} />
              <Panel id="details" defaultSize="58%" minSize="120px">
                <div className={styles.details}>{details}</div>
              </Panel>
            </>
          )}
        </Group>
      </div>
      {actions !== null && <aside className={styles.actions}>{actions}</aside>}
    </div>
  );
}
