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
  useRestoreFocusTarget,
} from '@fluentui/react-components';
import { ArrowDownFilled, ArrowUpFilled, ColumnEditRegular } from '@fluentui/react-icons';
import { defaultRangeExtractor, type Range, useVirtualizer } from '@tanstack/react-virtual';
import {
  type CSSProperties,
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  useMemo,
  useRef,
  useState,
} from 'react';
import { useTranslation } from 'react-i18next';
import { ContextMenu, pointAt } from './action-menu.tsx';
import type { ActionItem } from './actions.ts';
import { type Column, Sorter, type Sorting, useChosenColumns } from './list-columns.ts';
import { useListSelection } from './list-selection.ts';
import { useNarrow } from './narrow.ts';

const ROW_HEIGHT = 34;
const COLUMN_GAP = 12;
/** At the left, and at the right for the button that chooses columns; less one gap. */
const PADDING = 12 + 34 - COLUMN_GAP;

const useStyles = makeStyles({
  root: { position: 'relative', height: '100%', overflow: 'auto', outlineStyle: 'none' },
  row: {
    display: 'grid',
    alignItems: 'center',
    columnGap: `${COLUMN_GAP}px`,
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
  headText: { overflow: 'hidden', textOverflow: 'ellipsis', minWidth: 0 },
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
  const [sorter] = useState(() => new Sorter(keyOf));
  const rows = useMemo(() => sorter.sorted(items, columns, sorting), [sorter, items, columns, sorting]);
  const keys = useMemo(() => rows.map(keyOf), [rows, keyOf]);
  const scroller = useRef<HTMLDivElement>(null);
  const focusRow = (index: number) => {
    virtual.scrollToIndex(index);
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus());
  };
  const selection = useListSelection({ keys, selected, onSelect, onFocus: focusRow, ...(onOpen && { onOpen }) });
  const tabStop = selection.start;
  const tabStopIndex = tabStop === null ? -1 : keys.indexOf(tabStop);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
    scrollPaddingStart: ROW_HEIGHT,
    // The row that the keyboard reaches is there, wherever the list is scrolled to: with it the focus would go.
    rangeExtractor: (range) => withRow(range, tabStopIndex),
  });
  const [menuAt, setMenuAt] = useState<PositioningVirtualElement | null>(null);
  const openMenu = (key: string, x: number, y: number) => {
    if (!selected.has(key)) onSelect(new Set([key]));
    selection.setFocused(key);
    // What can be done to it is known once it is selected.
    setMenuAt(pointAt(x, y));
  };
  const template = { gridTemplateColumns: shown.map(({ width }) => width).join(' ') };
  const onKeyDown = (event: KeyboardEvent) => {
    // Keys in a link or a button of a row, or in a menu that belongs to it, are theirs.
    if (!(event.target instanceof Element) || event.target.getAttribute('role') !== 'row') return;
    const action = selected.size === 0 ? undefined : actions.find(({ shortcut }) => shortcut === event.key);
    if (action !== undefined && action.obstacle === null && !event.repeat) {
      event.preventDefault();
      action.run?.();
    } else selection.onKeyDown(event, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_HEIGHT) - 1);
  };
  return (
    <div ref={scroller} className={styles.root}>
      <div
        role="grid"
        aria-label={label}
        aria-rowcount={rows.length + 1}
        aria-multiselectable
        style={{ minWidth: narrowestOf(shown) }}
      >
        <div role="row" aria-rowindex={1} className={mergeClasses(styles.row, styles.head)} style={template}>
          {shown.map((column) => (
            <HeadCell key={column.id} column={column} sorting={sorting} onSort={setSorting} />
          ))}
          <ColumnChooser columns={columns} shown={chosen} onChoose={choose} />
        </div>
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }} role="rowgroup" onKeyDown={onKeyDown}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const item = rows[index];
            const key = keys[index];
            if (item === undefined || key === undefined) return null;
            return (
              <BodyRow
                key={key}
                name={key}
                {...{ index, item, columns: shown, isSelected: selected.has(key), isTabStop: key === tabStop }}
                style={{ ...template, transform: `translateY(${start}px)` }}
                onClick={(event) => selection.onClick(key, event)}
                onOpen={() => onOpen?.(key)}
                onMenu={(x, y) => openMenu(key, x, y)}
              />
            );
          })}
        </div>
      </div>
      {rows.length === 0 && empty}
      <ContextMenu at={actions.length > 0 ? menuAt : null} items={actions} onClose={() => setMenuAt(null)} />
    </div>
  );
}

interface BodyRowProps<T> {
  /** Its key. */
  readonly name: string;
  readonly index: number;
  readonly item: T;
  readonly columns: readonly Column<T>[];
  readonly isSelected: boolean;
  readonly isTabStop: boolean;
  readonly style: CSSProperties;
  readonly onClick: (event: MouseEvent) => void;
  readonly onOpen: () => void;
  readonly onMenu: (x: number, y: number) => void;
}

function BodyRow<T>(props: BodyRowProps<T>) {
  const { name, index, item, columns, isSelected, isTabStop, style, onClick, onOpen, onMenu } = props;
  const styles = useStyles();
  const restoreFocus = useRestoreFocusTarget();
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      data-index={index}
      data-key={name}
      tabIndex={isTabStop ? 0 : -1}
      className={mergeClasses(styles.row, styles.bodyRow, isSelected && styles.selected)}
      style={style}
      {...restoreFocus}
      onMouseDown={(event) => {
        // A range of rows is meant, not of text.
        if (!event.shiftKey) return;
        event.preventDefault();
        event.currentTarget.focus();
      }}
      onClick={onClick}
      onDoubleClick={onOpen}
      onContextMenu={(event) => {
        event.preventDefault();
        // The menu key has no pointer: the menu opens at the row then.
        const box = event.currentTarget.getBoundingClientRect();
        const byKey = event.clientX === 0 && event.clientY === 0;
        onMenu(byKey ? box.left + 24 : event.clientX, byKey ? box.bottom : event.clientY);
      }}
    >
      {columns.map((column) => (
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
}

/** Below this width, in pixels, the list scrolls sideways: the least widths of its columns, gaps and padding. */
function narrowestOf(columns: readonly { readonly width: string }[]): number {
  const widths = columns.map(({ width }) => Number(/(\d+)px/.exec(width)?.[1] ?? 0));
  return widths.reduce((sum, width) => sum + width + COLUMN_GAP, PADDING);
}

function withRow(range: Range, index: number): number[] {
  const shown = defaultRangeExtractor(range);
  if (index < 0 || index >= range.count || shown.includes(index)) return shown;
  return [...shown, index].sort((left, right) => left - right);
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
        <span className={styles.headText} title={column.label}>
          {column.label}
        </span>
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
        <span className={styles.headText} title={column.label}>
          {column.label}
        </span>
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
