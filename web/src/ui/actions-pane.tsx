import {
  Button,
  Divider,
  makeStyles,
  Menu,
  MenuList,
  MenuPopover,
  MenuTrigger,
  Subtitle2,
  tokens,
  useRestoreFocusTarget,
} from '@fluentui/react-components';
import { Fragment } from 'react';
import { useTranslation } from 'react-i18next';
import { type ActionItem, groupsOf } from './actions.ts';
import { ObstacleTooltip } from './obstacle-tooltip.tsx';

const useStyles = makeStyles({
  pane: {
    display: 'flex',
    flexDirection: 'column',
    gap: tokens.spacingVerticalXXS,
    padding: tokens.spacingHorizontalM,
    overflowY: 'auto',
    height: '100%',
    boxSizing: 'border-box',
  },
  title: {
    overflow: 'hidden',
    textOverflow: 'ellipsis',
    whiteSpace: 'nowrap',
    paddingBottom: tokens.spacingVerticalS,
    flexShrink: 0,
  },
  action: { justifyContent: 'flex-start', fontWeight: tokens.fontWeightRegular, textAlign: 'left' },
  danger: {
    justifyContent: 'flex-start',
    fontWeight: tokens.fontWeightRegular,
    color: tokens.colorPaletteRedForeground1,
    textAlign: 'left',
  },
  divider: { flexGrow: 0, paddingBlock: tokens.spacingVerticalXS },
});

/** What can be done to the selected object, always in sight. */
export function ActionsPane({ title, items }: { readonly title: string; readonly items: readonly ActionItem[] }) {
  const styles = useStyles();
  const { t } = useTranslation('ui');
  return (
    <nav className={styles.pane} aria-label={t('actionsOf', { name: title })}>
      <Subtitle2 className={styles.title} title={title}>
        {title}
      </Subtitle2>
      {groupsOf(items).map((group, index) => (
        <Fragment key={group[0]?.id}>
          {index > 0 && <Divider className={styles.divider} />}
          {group.map((item) => (
            <PaneAction key={item.id} item={item} />
          ))}
        </Fragment>
      ))}
    </nav>
  );
}

function PaneAction({ item }: { readonly item: ActionItem }) {
  const styles = useStyles();
  const restoreFocus = useRestoreFocusTarget();
  const button = (
    <Button
      {...restoreFocus}
      appearance="subtle"
      size="small"
      className={item.danger === true && item.obstacle === null ? styles.danger : styles.action}
      icon={item.icon ?? null}
      disabledFocusable={item.obstacle !== null}
      data-action={item.id}
      onClick={() => item.obstacle === null && item.run?.()}
    >
      {item.label}
    </Button>
  );
  if (item.submenu === undefined || item.obstacle !== null) {
    return (
      <ObstacleTooltip obstacle={item.obstacle} positioning="before">
        {button}
      </ObstacleTooltip>
    );
  }
  return (
    <Menu positioning={{ position: 'before', align: 'top' }}>
      <MenuTrigger disableButtonEnhancement>{button}</MenuTrigger>
      <MenuPopover>
        <MenuList>{item.submenu()}</MenuList>
      </MenuPopover>
    </Menu>
  );
}
