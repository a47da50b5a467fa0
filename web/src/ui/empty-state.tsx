import { Body1, makeStyles, Subtitle1, tokens } from '@fluentui/react-components';
import type { ReactElement, ReactNode } from 'react';

const useStyles = makeStyles({
  root: {
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'center',
    justifyContent: 'center',
    textAlign: 'center',
    gap: tokens.spacingVerticalM,
    padding: tokens.spacingHorizontalXXXL,
    minHeight: '12rem',
  },
  icon: { fontSize: '48px', color: tokens.colorBrandForeground1, lineHeight: 1 },
  text: { maxWidth: '36rem', color: tokens.colorNeutralForeground2 },
});

/** Nothing is here: what this place is for, and the next step. */
export function EmptyState(props: {
  readonly icon: ReactElement;
  readonly title: string;
  readonly text: ReactNode;
  readonly action?: ReactNode;
}) {
  const styles = useStyles();
  return (
    <div className={styles.root}>
      <span className={styles.icon} aria-hidden>
        {props.icon}
      </span>
      <Subtitle1 as="h2">{props.title}</Subtitle1>
      <Body1 className={styles.text}>{props.text}</Body1>
      {props.action}
    </div>
  );
}
