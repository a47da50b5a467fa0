import type { KeyboardEvent, MouseEvent } from 'react';
import { useRef, useState } from 'react';

interface Options {
  /** Keys of all rows in the order in which they are shown. */
  readonly keys: readonly string[];
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (selected: ReadonlySet<string>) => void;
  readonly onOpen?: (key: string) => void;
  /** Scrolls the row into view and gives it the focus. */
  readonly onFocus: (index: number) => void;
}

/** What is selected, and the row that has the focus; keys as in any list of Windows. */
export function useListSelection({ keys, selected, onSelect, onOpen, onFocus }: Options) {
  const [focused, setFocused] = useState<string | null>(null);
  const anchor = useRef<string | null>(null);
  // The row that Tab reaches: the last one that had the focus, else the one that is selected already.
  const start =
    focused !== null && keys.includes(focused) ? focused : (keys.find((key) => selected.has(key)) ?? keys[0] ?? null);
  const range = (from: string | null, to: string): ReadonlySet<string> => {
    const [a, b] = [keys.indexOf(from ?? to), keys.indexOf(to)];
    return new Set(keys.slice(Math.min(a, b), Math.max(a, b) + 1));
  };
  const choose = (key: string, how: { readonly extend: boolean; readonly toggle: boolean }) => {
    setFocused(key);
    if (how.extend) return onSelect(range(anchor.current ?? start, key));
    anchor.current = key;
    if (!how.toggle) return onSelect(new Set([key]));
    const next = new Set(selected);
    if (!next.delete(key)) next.add(key);
    onSelect(next);
  };
  const onClick = (key: string, event: MouseEvent) =>
    choose(key, { extend: event.shiftKey, toggle: event.ctrlKey || event.metaKey });
  const onKeyDown = (event: KeyboardEvent, pageRows: number) => {
    const at = Math.max(0, keys.indexOf(start ?? ''));
    const to = targetOf(event.key, { at, last: keys.length - 1, pageRows });
    const current = keys[at];
    if (to !== null) {
      event.preventDefault();
      const key = keys[to];
      if (key === undefined) return;
      if (event.ctrlKey) setFocused(key);
      else choose(key, { extend: event.shiftKey, toggle: false });
      onFocus(to);
    } else if (event.key === ' ' && current !== undefined) {
      event.preventDefault();
      choose(current, { extend: event.shiftKey, toggle: event.ctrlKey });
    } else if (event.key === 'a' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      onSelect(new Set(keys));
    } else if (event.key === 'Enter' && current !== undefined) onOpen?.(current);
  };
  return { start, setFocused, onClick, onKeyDown };
}

function targetOf(key: string, { at, last, pageRows }: { at: number; last: number; pageRows: number }): number | null {
  if (key === 'ArrowDown') return Math.min(last, at + 1);
  if (key === 'ArrowUp') return Math.max(0, at - 1);
  if (key === 'PageDown') return Math.min(last, at + pageRows);
  if (key === 'PageUp') return Math.max(0, at - pageRows);
  if (key === 'Home') return 0;
  return key === 'End' ? last : null;
}
