import { Drawer, DrawerBody, makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Group, Panel, Separator } from 'react-resizable-panels';
import { useCurrent, useLive } from '../live/live-hooks.ts';
import { useNarrow } from '../ui/narrow.ts';
import { ConnectionBar } from './connection-bar.tsx';
import { NavigationTree } from './navigation-tree.tsx';
import { TopBar } from './top-bar.tsx';

const useStyles = makeStyles({
  frame: {
    display: 'flex',
    flexDirection: 'column',
    height: '100dvh',
    backgroundColor: tokens.colorNeutralBackground3,
    color: tokens.colorNeutralForeground1,
    '@media print': { height: 'auto', backgroundColor: 'white' },
  },
  body: { flexGrow: 1, minHeight: 0, display: 'flex', '@media print': { display: 'block' } },
  tree: { height: '100%', overflow: 'auto', backgroundColor: tokens.colorNeutralBackground2 },
  separator: {
    width: '5px',
    flexShrink: 0,
    backgroundColor: tokens.colorNeutralStroke3,
    ':hover': { backgroundColor: tokens.colorBrandStroke2 },
    ':focus-visible': { backgroundColor: tokens.colorBrandStroke1, outlineStyle: 'none' },
    '@media print': { display: 'none' },
  },
  main: { height: '100%', overflow: 'auto', '@media print': { overflow: 'visible', height: 'auto' } },
  old: { filter: 'grayscale(0.85)', opacity: 0.65 },
  printHidden: { '@media print': { display: 'none' } },
});

/** Top bar, navigation tree and the page; on a narrow screen the tree is behind a button. */
export function Frame({ children }: { readonly children: ReactNode }) {
  const styles = useStyles();
  const { t } = useTranslation('frame');
  const narrow = useNarrow();
  const [treeOpen, setTreeOpen] = useState(false);
  const filled = useLive((state) => state.filled);
  const current = useCurrent();
  const main = (
    <main id="main" className={mergeClasses(styles.main, filled && !current && styles.old)}>
      {filled ? children : null}
    </main>
  );
  return (
    <div className={styles.frame}>
      <div className={styles.printHidden}>
        <TopBar onOpenTree={narrow ? () => setTreeOpen(true) : null} />
        <ConnectionBar />
      </div>
      {narrow ? (
        <>
          <Drawer
            open={treeOpen}
            onOpenChange={(_event, { open }) => setTreeOpen(open)}
            position="start"
            aria-label={t('navigation')}
          >
            <DrawerBody>
              <NavigationTree onChosen={() => setTreeOpen(false)} />
            </DrawerBody>
          </Drawer>
          <div className={styles.body}>
            <div style={{ flexGrow: 1, minWidth: 0 }}>{main}</div>
          </div>
        </>
      ) : (
        <Group orientation="horizontal" className={styles.body}>
          <Panel defaultSize="280px" minSize="170px" maxSize="480px" className={styles.printHidden}>
            <div className={styles.tree}>
              <NavigationTree />
            </div>
          </Panel>
          <Separator className={styles.separator} aria-label={t('resizeTree')} />
          <Panel minSize="320px">{main}</Panel>
        </Group>
      )}
    </div>
  );
}
