import { useSyncExternalStore } from 'react';

/** Panes stand one below the other up to this width, in pixels. */
const NARROW_MAX = 767;

const query = matchMedia(`(max-width: ${NARROW_MAX}px)`);

function subscribe(listener: () => void): () => void {
  query.addEventListener('change', listener);
  return () => query.removeEventListener('change', listener);
}

/** Whether the page has the width of a phone. */
export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => query.matches);
}
