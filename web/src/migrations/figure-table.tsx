import type { ReactNode } from 'react';
import { SmallTable } from '../ui/small-table.tsx';

interface FigureRow {
  readonly key: string;
  /** One for each head; the first one names the row. */
  readonly cells: readonly ReactNode[];
}

/** A small table of figures: the first column names, the others stand at the right. */
export function FigureTable(props: {
  readonly label: string;
  readonly heads: readonly string[];
  readonly rows: readonly FigureRow[];
}) {
  const { label, heads, rows } = props;
  return (
    <SmallTable
      label={label}
      items={rows}
      keyOf={({ key }) => key}
      columns={heads.map((head, index) => ({
        label: head,
        render: ({ cells }: FigureRow) => cells[index],
        ...(index > 0 && { align: 'end' as const }),
      }))}
    />
  );
}
