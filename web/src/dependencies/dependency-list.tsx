import { makeStyles, Text, tokens } from '@fluentui/react-components';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { useBoxText } from './box-text.ts';
import type { DependencyGraph } from './dependency-graph.ts';
import { type Branch, dependencyTree } from './dependency-tree.ts';

const useStyles = makeStyles({
  root: { padding: tokens.spacingHorizontalL, overflow: 'auto', height: '100%', boxSizing: 'border-box' },
  list: {
    margin: 0,
    paddingLeft: tokens.spacingHorizontalXL,
    '& li': { paddingBlock: tokens.spacingVerticalXXS },
  },
  muted: { color: tokens.colorNeutralForeground3 },
  why: { display: 'block', color: tokens.colorNeutralForeground2, fontSize: tokens.fontSizeBase200 },
  link: { color: tokens.colorBrandForegroundLink },
});

/** The same as the drawing, as text. */
export function DependencyList({ graph }: { readonly graph: DependencyGraph }) {
  const styles = useStyles();
  const { t } = useTranslation('dependencies');
  const tree = useMemo(() => dependencyTree(graph), [graph]);
  return (
    // It scrolls, so the keyboard must get there.
    <div className={styles.root} tabIndex={0} role="region" aria-label={t('list')}>
      <ul className={styles.list}>{tree !== null && <BranchItem branch={tree} />}</ul>
    </div>
  );
}

function BranchItem({ branch }: { readonly branch: Branch }) {
  const { box, kind, again, branches } = branch;
  const styles = useStyles();
  const { t } = useTranslation('dependencies');
  const text = useBoxText()(box);
  return (
    <li>
      {kind !== null && <span className={styles.muted}>{t(`lines.${kind}`)} </span>}
      {box.kind !== 'owners' && <span>{text.kind} </span>}
      {box.href === null ? (
        <Text weight="semibold">{text.name}</Text>
      ) : (
        <Link href={box.href} className={styles.link}>
          {text.name}
        </Link>
      )}
      {again ? (
        <span className={styles.muted}> {t('again')}</span>
      ) : (
        <>
          {text.detail !== '' && <span className={styles.muted}> · {text.detail}</span>}
          {box.tone !== null && box.tone !== 'good' && (
            <span className={styles.muted}> ({t(`tones.${box.tone}`)})</span>
          )}
          {text.why.map((why) => (
            <span key={why.text} className={styles.why} {...(why.english && { lang: 'en' })}>
              {why.text}
            </span>
          ))}
        </>
      )}
      {branches.length > 0 && (
        <ul className={styles.list}>
          {branches.map((one) => (
            <BranchItem key={one.box.id} branch={one} />
          ))}
        </ul>
      )}
    </li>
  );
}
