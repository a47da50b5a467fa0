import {
  Menu,
  MenuDivider,
  MenuItem,
  MenuList,
  MenuPopover,
  MenuTrigger,
  type PositioningVirtualElement,
} from '@fluentui/react-components';
import { Fragment, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { type ActionItem, groupsOf } from './actions.ts';
import { ObstacleTooltip } from './obstacle-tooltip.tsx';

/** The items of a menu, with dividers between groups. */
export function ActionMenuItems({ items }: { readonly items: readonly ActionItem[] }) {
  return groupsOf(items).map((group, index) => (
    <Fragment key={group[0]?.id}>
      {index > 0 && <MenuDivider />}
      {group.map((item) => (
        <ActionMenuItem key={item.id} item={item} />
      ))}
    </Fragment>
  ));
}

function ActionMenuItem({ item }: { readonly item: ActionItem }) {
  const { t } = useTranslation('ui');
  if (item.submenu !== undefined && item.obstacle === null) {
    return (
      <Menu>
        <MenuTrigger disableButtonEnhancement>
          <MenuItem {...(item.icon && { icon: item.icon })} data-action={item.id}>
            {item.label}
          </MenuItem>
        </MenuTrigger>
        <MenuPopover>
          <MenuList>{item.submenu()}</MenuList>
        </MenuPopover>
      </Menu>
    );
  }
  return (
    <ObstacleTooltip obstacle={item.obstacle} positioning="after">
      <MenuItem
        {...(item.icon && { icon: item.icon })}
        {...(item.shortcut && { secondaryContent: t(`keys.${item.shortcut}`) })}
        data-action={item.id}
        // Focusable although it does nothing: its reason must reach the keyboard and the screen reader.
        disabled={item.obstacle !== null}
        onClick={() => item.obstacle === null && item.run?.()}
      >
        {item.label}
      </MenuItem>
    </ObstacleTooltip>
  );
}

/** Where a context menu opens: at the pointer. */
export function pointAt(x: number, y: number): PositioningVirtualElement {
  const box = { x, y, top: y, left: x, bottom: y, right: x, width: 0, height: 0 };
  return { getBoundingClientRect: () => box as DOMRect };
}

/** A menu at a point of the page; the list that was right-clicked opens it. */
export function ContextMenu(props: {
  readonly at: PositioningVirtualElement | null;
  readonly items: readonly ActionItem[];
  readonly onClose: () => void;
}): ReactElement {
  const { at, items, onClose } = props;
  return (
    <Menu
      open={at !== null}
      onOpenChange={(_event, { open }) => !open && onClose()}
      positioning={{ target: at, position: 'below', align: 'start' }}
    >
      <MenuPopover>
        <MenuList data-testid="context-menu">
          <ActionMenuItems items={items} />
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}
