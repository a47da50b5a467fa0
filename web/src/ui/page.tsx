import {
  Breadcrumb,
  BreadcrumbButton,
  BreadcrumbDivider,
  BreadcrumbItem,
  makeStyles,
  Subtitle1,
  tokens,
} from '@fluentui/react-components';
import { Fragment, type ReactNode, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { useCluster } from '../live/live-hooks.ts';

const useStyles = makeStyles({
  page: {
    display: 'flex',
    flexDirection: 'column',
    height: '100%',
    minHeight: 0,
    boxSizing: 'border-box',
    '@media print': { height: 'auto', display: 'block' },
  },
  head: {
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    columnGap: tokens.spacingHorizontalL,
    rowGap: tokens.spacingVerticalXS,
    padding: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalL}`,
  },
  titles: { minWidth: 0, flexGrow: 1 },
  title: { display: 'flex', alignItems: 'center', gap: tokens.spacingHorizontalM, margin: 0, flexWrap: 'wrap' },
  crumbs: { marginLeft: '-8px', '@media print': { display: 'none' } },
  body: { flexGrow: 1, minHeight: 0, '@media print': { display: 'block' } },
});

export interface Crumb {
  readonly label: string;
  readonly path: string;
}

/** Breadcrumbs, title, command bar and the body of a page. The cluster is the first crumb of all. */
export function Page(props: {
  readonly title: string;
  /** Beside the title: a state, for example. */
  readonly beside?: ReactNode;
  readonly crumbs?: readonly Crumb[];
  readonly commands?: ReactNode;
  readonly children: ReactNode;
}) {
  const { title, beside, crumbs, commands, children } = props;
  const styles = useStyles();
  const cluster = useCluster();
  useEffect(() => {
    document.title = `${title} · Godwit`;
  }, [title]);
  const path = crumbs === undefined ? [] : [{ label: cluster?.name ?? 'Cluster', path: '/' }, ...crumbs];
  return (
    <div className={styles.page}>
      <div className={styles.head}>
        <div className={styles.titles}>
          {path.length > 0 && <Crumbs path={path} last={title} className={styles.crumbs} />}
          <Subtitle1 as="h1" className={styles.title}>
            {title} {beside}
          </Subtitle1>
        </div>
        {commands}
      </div>
      <div className={styles.body}>{children}</div>
    </div>
  );
}

function Crumbs(props: { readonly path: readonly Crumb[]; readonly last: string; readonly className: string }) {
  const [, navigate] = useLocation();
  const { t } = useTranslation('ui');
  return (
    <Breadcrumb size="small" className={props.className} aria-label={t('breadcrumbs')}>
      {props.path.map(({ label, path }) => (
        <Fragment key={path}>
          <BreadcrumbItem>
            <BreadcrumbButton
              href={path}
              onClick={(event) => {
                event.preventDefault();
                navigate(path);
              }}
            >
              {label}
            </BreadcrumbButton>
          </BreadcrumbItem>
          <BreadcrumbDivider />
        </Fragment>
      ))}
      <BreadcrumbItem>
        <BreadcrumbButton current>{props.last}</BreadcrumbButton>
      </BreadcrumbItem>
    </Breadcrumb>
  );
}
