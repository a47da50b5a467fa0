/**
 * The smallest part of a list that still fails, by delta debugging (Zeller and Hildebrandt, 2002): parts are left out, from halves down to
 * single entries, as long as it goes on failing. `tries` bounds the work.
 */
export function shrink<T>(items: readonly T[], fails: (part: readonly T[]) => boolean, tries: number): readonly T[] {
  let current = items;
  let parts = 2;
  let left = tries;
  while (current.length >= 1 && left > 0) {
    const size = Math.ceil(current.length / parts);
    const smaller = firstFailing(current, { size, tries: left, fails });
    left = smaller.left;
    if (smaller.found !== null) {
      current = smaller.found;
      parts = Math.max(2, parts - 1);
    } else if (size <= 1) break;
    else parts = Math.min(current.length, parts * 2);
  }
  return current;
}

function firstFailing<T>(
  items: readonly T[],
  search: { readonly size: number; readonly tries: number; readonly fails: (part: readonly T[]) => boolean },
): { readonly found: readonly T[] | null; readonly left: number } {
  let left = search.tries;
  for (let start = 0; start < items.length && left > 0; start += search.size) {
    const rest = [...items.slice(0, start), ...items.slice(start + search.size)];
    left -= 1;
    if (search.fails(rest)) return { found: rest, left };
  }
  return { found: null, left };
}
