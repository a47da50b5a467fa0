import { makeStyles, tokens } from '@fluentui/react-components';
import { Link } from 'wouter';

const useStyles = makeStyles({
  link: {
    color: tokens.colorBrandForegroundLink,
    textDecorationLine: 'none',
    ':hover': { textDecorationLine: 'underline' },
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}`, borderRadius: tokens.borderRadiusSmall },
  },
});

/** The name of a VM or a node, leading to it. */
export function ObjectLink({ to, name }: { readonly to: 'vms' | 'nodes'; readonly name: string }) {
  const styles = useStyles();
  return (
    <Link href={`/${to}/${encodeURIComponent(name)}`} className={styles.link}>
      {name}
    </Link>
  );
}
