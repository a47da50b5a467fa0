import {
  Menu,
  MenuList,
  MenuPopover,
  MenuTrigger,
  makeStyles,
  Toolbar,
  ToolbarButton,
  tokens,
  useRestoreFocusTarget,
} from '@fluentui/react-components';
import { MoreHorizontalRegular } from '@fluentui/react-icons';
import { useTranslation } from 'react-i18next';
import { ActionMenuItems } from './action-menu.tsx';
import type { ActionItem } from './actions.ts';
import { ObstacleTooltip } from './obstacle-tooltip.tsx';

const useStyles = makeStyles({
  bar: { flexWrap: 'wrap', rowGap: tokens.spacingVerticalXXS, paddingInline: 0 },
  button: { fontWeight: tokens.fontWeightRegular, minWidth: 0, whiteSpace: 'nowrap' },
});

/** The first actions as buttons, all of them behind the last one. */
export function CommandBar(props: { readonly label: string; readonly items: readonly ActionItem[] }) {
  const { items, label } = props;
  const styles = useStyles();
  const { t } = useTranslation('ui');
  const primary = items.filter((item) => item.primary === true);
  return (
    <Toolbar aria-label={label} size="small" className={styles.bar}>
      {primary.map((item) => (
        <BarButton key={item.id} item={item} />
      ))}
      {items.length > primary.length && (
        <Menu>
          <MenuTrigger disableButtonEnhancement>
            <ToolbarButton icon={<MoreHorizontalRegular />} aria-label={t('moreActions')} />
          </MenuTrigger>
          <MenuPopover>
            <MenuList>
              <ActionMenuItems items={items} />
            </MenuList>
          </MenuPopover>
        </Menu>
      )}
    </Toolbar>
  );
}

function BarButton({ item }: { readonly item: ActionItem }) {
  const styles = useStyles();
  const restoreFocus = useRestoreFocusTarget();
  const button = (
    <ToolbarButton
      {...restoreFocus}
      className={styles.button}
      icon={item.icon ?? null}
      disabledFocusable={item.obstacle !== null}
      data-action={item.id}
      onClick={() => item.obstacle === null && item.run?.()}
    >
      {item.label}
    </ToolbarButton>
  );
  if (item.submenu === undefined || item.obstacle !== null) {
    return <ObstacleTooltip obstacle={item.obstacle}>{button}</ObstacleTooltip>;
  }
  return (
    <Menu>
      <MenuTrigger disableButtonEnhancement>{button}</MenuTrigger>
      <MenuPopover>
        <MenuList>{item.submenu()}</MenuList>
      </MenuPopover>
    </Menu>
  );
}
