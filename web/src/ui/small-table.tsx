import { makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { type ReactNode, type RefObject, useEffect, useState, useRef } from 'react';

const useStyles = makeStyles({
  scroll: { overflowX: 'auto', minWidth: 0 },
  table: { borderCollapse: 'collapse', width: '100%', fontVariantNumeric: 'tabular-nums' },
  head: {
    padding: `0 ${tokens.spacingHorizontalM} ${tokens.spacingVerticalXS} 0`,
    color: tokens.colorNeutralForeground3,
    fontSize: tokens.fontSizeBase200,
    fontWeight: tokens.fontWeightSemibold,
    textAlign: 'start',
    whiteSpace: 'nowrap',
    ':last-child': { paddingRight: 0 },
  },
  row: { borderTop: `${tokens.strokeWidthThin} solid ${tokens.colorNeutralStroke3}` },
  cell: {
    padding: `${tokens.spacingVerticalXS} ${tokens.spacingHorizontalM} ${tokens.spacingVerticalXS} 0`,
    textAlign: 'start',
    verticalAlign: 'top',
    fontWeight: tokens.fontWeightRegular,
    minWidth: '3rem',
    ':last-child': { paddingRight: 0 },
  },
  end: { textAlign: 'end', whiteSpace: 'nowrap' },
});

export interface SmallColumn<T> {
  readonly label: string;
  readonly render: (item: T) => ReactNode;
  /** Figures stand at the right. */
  readonly align?: 'end';
}

/** Some rows of a section: neither sorted nor selected. The first column names the row. */
export function SmallTable<T>(props: {
  readonly label: string;
  readonly items: readonly T[];
  readonly keyOf: (item: T) => string;
  readonly columns: readonly SmallColumn<T>[];
}) {
  const { label, items, keyOf, columns } = props;
  const styles = useStyles();
  const scroller = useRef<HTMLDivElement>(null);
  const overflows = useOverflow(scroller);
  return (
    <div
      ref={scroller}
      className={styles.scroll}
      {...(overflows && { tabIndex: 0, role: 'group', 'aria-label': label })}
    >
      <table className={styles.table} aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.label}
                scope="col"
                className={mergeClasses(styles.head, column.align === 'end' && styles.end)}
              >
                {column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={keyOf(item)} className={styles.row}>
              {columns.map((column, index) => {
                const className = mergeClasses(styles.cell, column.align === 'end' && styles.end);
                return index === 0 ? (
                  <th key={column.label} scope="row" className={className}>
                    {column.render(item)}
                  </th>
                ) : (
                  <td key={column.label} className={className}>
                    {column.render(item)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Whether it scrolls sideways: then the keyboard must get there. */
function useOverflow(scroller: RefObject<HTMLDivElement | null>): boolean {
  const [overflows, setOverflows] = useState(false);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setOverflows(element.scrollWidth > element.clientWidth));
    observer.observe(element);
    if (element.firstElementChild !== null) observer.observe(element.firstElementChild);
    return () => observer.disconnect();
  }, [scroller]);
  return overflows;
}
