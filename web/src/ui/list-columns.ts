import { type ReactNode, useMemo, useState } from 'react';
import { remember, remembered } from './remembered.ts';

export interface Column<T> {
  readonly id: string;
  readonly label: string;
  /** As in CSS grid-template-columns: "minmax(140px, 2fr)". */
  readonly width: string;
  readonly render: (item: T) => ReactNode;
  /** What to sort by; none: the list is not sorted by this column. null comes last. */
  readonly sortBy?: (item: T) => string | number | null;
  /** Figures stand at the right. */
  readonly align?: 'end';
  /** Not shown until it is chosen. */
  readonly hiddenAtFirst?: boolean;
  /** Left out on a phone. */
  readonly wideOnly?: boolean;
}

export interface Sorting {
  readonly column: string;
  readonly descending: boolean;
}

/** Which columns the user wants, remembered in this browser. The first one always stays. */
export function useChosenColumns<T>(list: string, columns: readonly Column<T>[]) {
  const [hidden, setHidden] = useState<readonly string[]>(() => {
    const kept = remembered(`columns.${list}`);
    if (kept !== null) return kept.split(',');
    return columns.filter((column) => column.hiddenAtFirst === true).map(({ id }) => id);
  });
  const shown = useMemo(
    () => columns.filter(({ id }, index) => index === 0 || !hidden.includes(id)),
    [columns, hidden],
  );
  const choose = (ids: readonly string[]) => {
    const next = columns.map(({ id }) => id).filter((id) => !ids.includes(id));
    remember(`columns.${list}`, next.join(','));
    setHidden(next);
  };
  return { shown, choose };
}

/**
 * Sorts the same list again and again. It begins with the order of the last time, which is nearly right when little has changed: that takes
 * one comparison per row, not one per row and power of two. Rows that are alike stand in the order of their keys.
 */
export class Sorter<T> {
  readonly #keyOf: (item: T) => string;
  #order: readonly string[] = [];

  constructor(keyOf: (item: T) => string) {
    this.#keyOf = keyOf;
  }

  sorted(items: readonly T[], columns: readonly Column<T>[], sorting: Sorting | null): readonly T[] {
    const by = columns.find(({ id }) => id === sorting?.column)?.sortBy;
    if (by === undefined || sorting === null) return items;
    const sign = sorting.descending ? -1 : 1;
    const list = this.#asBefore(items).sort((left, right) => {
      const difference = compared(by(left), by(right), sign);
      return difference !== 0 ? difference : collator.compare(this.#keyOf(left), this.#keyOf(right));
    });
    this.#order = list.map(this.#keyOf);
    return list;
  }

  /** Items that were not there the last time come last. */
  #asBefore(items: readonly T[]): T[] {
    const left = new Map(items.map((item) => [this.#keyOf(item), item]));
    const known: T[] = [];
    for (const key of this.#order) {
      const item = left.get(key);
      if (item === undefined) continue;
      known.push(item);
      left.delete(key);
    }
    return [...known, ...left.values()];
  }
}

const collator = new Intl.Collator(undefined, { numeric: true });

function compared(a: string | number | null, b: string | number | null, sign: number): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  return sign * (typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b)));
}
