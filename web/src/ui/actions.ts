import type { ReactElement } from 'react';

/**
 * One thing that can be done to what is selected. The same list feeds the actions pane, the context menu and the command bar, so that they
 * never differ. An action that the cluster does not offer at all is not in the list; one that cannot be done now says why.
 */
export interface ActionItem {
  /** Stable, for tests and keys: "start", "live-migrate". */
  readonly id: string;
  readonly label: string;
  readonly icon?: ReactElement;
  /** Why it cannot be done now, one sentence; null: it can. */
  readonly obstacle: string | null;
  /** Items of one group stand together. */
  readonly group: string;
  /** Takes something away: shown in the colour of danger. */
  readonly danger?: boolean;
  /** Shown in the command bar, not only in its overflow. */
  readonly primary?: boolean;
  /** Key that does it while the list has the focus, as KeyboardEvent.key. */
  readonly shortcut?: 'Delete';
  readonly run?: () => void;
  /** A menu of its own; may be a component that loads its items when it is opened. */
  readonly submenu?: () => ReactElement;
}

/** Items in their order, split where the group changes. */
export function groupsOf(items: readonly ActionItem[]): ActionItem[][] {
  const groups: ActionItem[][] = [];
  for (const item of items) {
    const last = groups.at(-1);
    if (last?.[0]?.group === item.group) last.push(item);
    else groups.push([item]);
  }
  return groups;
}
