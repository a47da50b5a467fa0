import { makeStyles, Text, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { useBoxText } from './box-text.ts';
import type { DependencyGraph } from './dependency-graph.ts';

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
  return (
    // It scrolls, so the keyboard must get there.
    <div className={styles.root} tabIndex={0} role="region">
      <ul className={styles.list}>
        <BoxItem graph={graph} id="vm" kind={null} />
      </ul>
    </div>
  );
}

function BoxItem(props: {
  readonly graph: DependencyGraph;
  readonly id: string;
  /** Of the line that leads here. */
  readonly kind: DependencyGraph['lines'][number]['kind'] | null;
}) {
  const { graph, id, kind } = props;
  const styles = useStyles();
  const { t } = useTranslation('dependencies');
  const textOf = useBoxText();
  const box = graph.boxes.find((one) => one.id === id);
  if (box === undefined) return null;
  const text = textOf(box);
  const below = graph.lines.filter(({ from }) => from === id);
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
      {text.detail !== '' && <span className={styles.muted}> · {text.detail}</span>}
      {box.tone !== null && box.tone !== 'good' && <span className={styles.muted}> ({t(`tones.${box.tone}`)})</span>}
      {text.why.map((why) => (
        <span key={why.text} className={styles.why} {...(why.english && { lang: 'en' })}>
          {why.text}
        </span>
      ))}
      {below.length > 0 && (
        <ul className={styles.list}>
          {below.map((line) => (
            <BoxItem key={line.to} graph={graph} id={line.to} kind={line.kind} />
          ))}
        </ul>
      )}
    </li>
  );
}
