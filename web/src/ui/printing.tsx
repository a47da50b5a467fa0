import { FluentProvider, makeStaticStyles, makeStyles } from '@fluentui/react-components';
import { type ReactNode, useSyncExternalStore } from 'react';
import { flushSync } from 'react-dom';
import { light, useAppearance } from './appearance.tsx';

let printing = false;
const listeners = new Set<() => void>();

function set(value: boolean): void {
  printing = value;
  // The browser takes its picture as soon as this event is over.
  flushSync(() => {
    for (const listener of [...listeners]) listener();
  });
}

window.addEventListener('beforeprint', () => set(true));
window.addEventListener('afterprint', () => set(false));

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Whether the page is being printed: what draws with colours of its own draws anew. */
export function usePrinting(): boolean {
  return useSyncExternalStore(subscribe, () => printing);
}

/** Whatever holds the printed part scrolls no more: it goes over as many pages as it needs. */
const usePrintedWhole = makeStaticStyles(`
@media print {
  :has([data-printed]) {
    height: auto !important;
    max-height: none !important;
    min-height: 0 !important;
    overflow: visible !important;
  }
}`);

const useStyles = makeStyles({
  root: { height: '100%', '@media print': { height: 'auto' } },
});

/** A page that can be printed: on paper it is light, whatever the screen is. */
export function Printable({ children }: { readonly children: ReactNode }) {
  usePrintedWhole();
  const styles = useStyles();
  const { theme } = useAppearance();
  return (
    // Menus and tooltips get the class of their provider, on a surface of their own: what is said of this page must not be in it.
    <FluentProvider theme={usePrinting() ? light : theme} style={{ height: '100%' }}>
      <div className={styles.root} data-printed="">
        {children}
      </div>
    </FluentProvider>
  );
}
