import { makeStyles, tokens } from '@fluentui/react-components';
import type { ReactNode } from 'react';

const useStyles = makeStyles({
  root: { marginTop: tokens.spacingVerticalS, '@media print': { breakInside: 'avoid' } },
  summary: {
    cursor: 'pointer',
    width: 'fit-content',
    color: tokens.colorBrandForegroundLink,
    fontSize: tokens.fontSizeBase200,
    borderRadius: tokens.borderRadiusSmall,
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}` },
    '@media print': { display: 'none' },
  },
  body: { marginTop: tokens.spacingVerticalXS, maxHeight: '20rem', overflow: 'auto' },
});

/** Something that is there for those who ask for it. */
export function Disclosure({ summary, children }: { readonly summary: string; readonly children: ReactNode }) {
  const styles = useStyles();
  return (
    <details className={styles.root}>
      <summary className={styles.summary}>{summary}</summary>
      {/* Scrolls by keyboard too. */}
      <div className={styles.body} tabIndex={0} role="group" aria-label={summary}>
        {children}
      </div>
    </details>
  );
}
