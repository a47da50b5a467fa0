import {
  Button,
  makeStyles,
  Menu,
  MenuItemCheckbox,
  MenuList,
  MenuPopover,
  MenuTrigger,
  mergeClasses,
  type PositioningVirtualElement,
  tokens,
  Tooltip,
} from '@fluentui/react-components';
import { ArrowDownFilled, ArrowUpFilled, ColumnEditRegular } from '@fluentui/react-icons';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ContextMenu, pointAt } from './action-menu.tsx';
import type { ActionItem } from './actions.ts';
import { type Column, type Sorting, sorted, useChosenColumns } from './list-columns.ts';
import { useListSelection } from './list-selection.ts';
import { useNarrow } from './narrow.ts';

const ROW_HEIGHT = 34;

const useStyles = makeStyles({
  root: { position: 'relative', height: '100%', overflow: 'auto', outlineStyle: 'none' },
  inner: { minWidth: 'max-content' },
  row: {
    display: 'grid',
    alignItems: 'center',
    columnGap: tokens.spacingHorizontalM,
    height: `${ROW_HEIGHT}px`,
    boxSizing: 'border-box',
    // At the right there is the button that chooses columns.
    paddingLeft: tokens.spacingHorizontalM,
    paddingRight: '34px',
    fontSize: tokens.fontSizeBase200,
    borderBottom: `${tokens.strokeWidthThin} solid ${tokens.colorNeutralStroke3}`,
    cursor: 'default',
  },
  head: {
    position: 'sticky',
    top: 0,
    zIndex: 1,
    backgroundColor: tokens.colorNeutralBackground1,
    borderBottom: `${tokens.strokeWidthThin} solid ${tokens.colorNeutralStroke1}`,
  },
  headCell: {
    display: 'flex',
    alignItems: 'center',
    gap: tokens.spacingHorizontalXS,
    minWidth: 0,
    border: 'none',
    background: 'none',
    padding: 0,
    color: tokens.colorNeutralForeground2,
    fontFamily: 'inherit',
    fontSize: tokens.fontSizeBase200,
    fontWeight: tokens.fontWeightSemibold,
    textAlign: 'start',
    whiteSpace: 'nowrap',
    overflow: 'hidden',
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
  sortable: { cursor: 'pointer', ':hover': { color: tokens.colorNeutralForeground1 } },
  bodyRow: {
    position: 'absolute',
    left: 0,
    right: 0,
    ':hover': { backgroundColor: tokens.colorSubtleBackgroundHover },
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: '-2px' },
  },
  selected: {
    backgroundColor: tokens.colorBrandBackground2,
    ':hover': { backgroundColor: tokens.colorBrandBackground2Hover },
  },
  cell: {
    minWidth: 0,
    overflow: 'hidden',
    textOverflow: 'ellipsis',
    whiteSpace: 'nowrap',
    fontVariantNumeric: 'tabular-nums',
  },
  end: { textAlign: 'end', justifyContent: 'flex-end' },
  columns: { position: 'absolute', right: '2px', top: '2px' },
});

export interface ObjectListProps<T> {
  /** Name of the list, also under which its columns are remembered. */
  readonly id: string;
  readonly label: string;
  readonly items: readonly T[];
  readonly keyOf: (item: T) => string;
  readonly columns: readonly Column<T>[];
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (selected: ReadonlySet<string>) => void;
  /** On Enter or a double click. */
  readonly onOpen?: (key: string) => void;
  /** Of the context menu, for what is selected. */
  readonly actions?: readonly ActionItem[];
  readonly sorting?: Sorting;
  /** Instead of rows while there are none. */
  readonly empty?: ReactNode;
}

/** A list of objects: sortable, with columns to choose, several selected at once, quick with thousands of rows. */
export function ObjectList<T>(props: ObjectListProps<T>) {
  const { id, label, items, keyOf, columns, selected, onSelect, onOpen, actions = [], empty } = props;
  const styles = useStyles();
  const narrow = useNarrow();
  const [sorting, setSorting] = useState<Sorting | null>(props.sorting ?? null);
  const { shown: chosen, choose } = useChosenColumns(id, columns);
  const shown = narrow ? chosen.filter((column) => column.wideOnly !== true) : chosen;
  const rows = useMemo(() => sorted(items, columns, sorting), [items, columns, sorting]);
  const keys = useMemo(() => rows.map(keyOf), [rows, keyOf]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
    scrollPaddingStart: ROW_HEIGHT,
  });
  const focusRow = (index: number) => {
    virtual.scrollToIndex(index);
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus());
  };
  const selection = useListSelection({ keys, selected, onSelect, onFocus: focusRow, ...(onOpen && { onOpen }) });
  const [menuAt, setMenuAt] = useState<PositioningVirtualElement | null>(null);
  const openMenu = (key: string, x: number, y: number) => {
    if (!selected.has(key)) onSelect(new Set([key]));
    selection.setFocused(key);
    // What can be done to it is known once it is selected.
    setMenuAt(pointAt(x, y));
  };
  const template = { gridTemplateColumns: shown.map(({ width }) => width).join(' ') };
  const tabStop = selection.focused !== null && keys.includes(selection.focused) ? selection.focused : keys[0];
  const pageRows = () => Math.floor((scroller.current?.clientHeight ?? 0) / ROW_HEIGHT) - 1;
  return (
    <div ref={scroller} className={styles.root}>
      <div
        role="grid"
        aria-label={label}
        aria-rowcount={rows.length + 1}
        aria-multiselectable
        className={styles.inner}
        onKeyDown={(event) => selection.onKeyDown(event, pageRows())}
      >
        <div role="row" aria-rowindex={1} className={mergeClasses(styles.row, styles.head)} style={template}>
          {shown.map((column) => (
            <HeadCell key={column.id} column={column} sorting={sorting} onSort={setSorting} />
          ))}
          <ColumnChooser columns={columns} shown={chosen} onChoose={choose} />
        </div>
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }} role="rowgroup">
          {virtual.getVirtualItems().map(({ index, start }) => {
            const item = rows[index];
            const key = keys[index];
            if (item === undefined || key === undefined) return null;
            return (
              <div
                key={key}
                role="row"
                aria-rowindex={index + 2}
                aria-selected={selected.has(key)}
                data-index={index}
                data-key={key}
                tabIndex={key === tabStop ? 0 : -1}
                className={mergeClasses(styles.row, styles.bodyRow, selected.has(key) && styles.selected)}
                style={{ ...template, transform: `translateY(${start}px)` }}
                onClick={(event) => selection.onClick(key, event)}
                onDoubleClick={() => onOpen?.(key)}
                onContextMenu={(event) => {
                  event.preventDefault();
                  // The menu key has no pointer: the menu opens at the row then.
                  const box = event.currentTarget.getBoundingClientRect();
                  const byKey = event.clientX === 0 && event.clientY === 0;
                  openMenu(key, byKey ? box.left + 24 : event.clientX, byKey ? box.bottom : event.clientY);
                }}
              >
                {shown.map((column) => (
                  <div
                    key={column.id}
                    role="gridcell"
                    className={mergeClasses(styles.cell, column.align === 'end' && styles.end)}
                  >
                    {column.render(item)}
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
      {rows.length === 0 && empty}
      <ContextMenu at={actions.length > 0 ? menuAt : null} items={actions} onClose={() => setMenuAt(null)} />
    </div>
  );
}

function HeadCell<T>(props: {
  readonly column: Column<T>;
  readonly sorting: Sorting | null;
  readonly onSort: (sorting: Sorting) => void;
}) {
  const { column, sorting, onSort } = props;
  const styles = useStyles();
  const end = column.align === 'end' && styles.end;
  if (column.sortBy === undefined) {
    return (
      <div role="columnheader" className={mergeClasses(styles.headCell, end)}>
        {column.label}
      </div>
    );
  }
  const active = sorting?.column === column.id;
  const descending = active && sorting.descending;
  return (
    <div
      role="columnheader"
      aria-sort={active ? (descending ? 'descending' : 'ascending') : 'none'}
      className={styles.cell}
    >
      <button
        type="button"
        className={mergeClasses(styles.headCell, styles.sortable, end)}
        style={{ width: '100%' }}
        onClick={() => onSort({ column: column.id, descending: active && !descending })}
      >
        {column.label}
        {active && (descending ? <ArrowDownFilled aria-hidden /> : <ArrowUpFilled aria-hidden />)}
      </button>
    </div>
  );
}

function ColumnChooser<T>(props: {
  readonly columns: readonly Column<T>[];
  readonly shown: readonly Column<T>[];
  readonly onChoose: (ids: readonly string[]) => void;
}) {
  const { columns, shown, onChoose } = props;
  const styles = useStyles();
  const { t } = useTranslation('ui');
  return (
    <div className={styles.columns} role="columnheader">
      <Menu
        checkedValues={{ columns: shown.map(({ id }) => id) }}
        onCheckedValueChange={(_event, { checkedItems }) => onChoose(checkedItems)}
      >
        <MenuTrigger disableButtonEnhancement>
          <Tooltip content={t('columns')} relationship="label">
            <Button size="small" appearance="subtle" icon={<ColumnEditRegular />} />
          </Tooltip>
        </MenuTrigger>
        <MenuPopover>
          <MenuList>
            {columns.map((column, index) => (
              <MenuItemCheckbox key={column.id} name="columns" value={column.id} disabled={index === 0}>
                {column.label}
              </MenuItemCheckbox>
            ))}
          </MenuList>
        </MenuPopover>
      </Menu>
    </div>
  );
}
