import { makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { PHASES, type Phase } from './migration-figures.ts';

const useStyles = makeStyles({
  root: { display: 'flex', alignItems: 'center', gap: '4px', flexShrink: 0 },
  dot: {
    width: '18px',
    height: '6px',
    borderRadius: tokens.borderRadiusCircular,
    backgroundColor: tokens.colorNeutralStroke2,
    transitionProperty: 'background-color',
    transitionDuration: tokens.durationNormal,
  },
  done: { backgroundColor: tokens.colorBrandBackground },
  now: {
    backgroundColor: tokens.colorBrandBackground,
    animationName: { '0%': { opacity: 1 }, '50%': { opacity: 0.35 }, '100%': { opacity: 1 } },
    animationDuration: '1.4s',
    animationIterationCount: 'infinite',
    '@media (prefers-reduced-motion: reduce)': { animationName: 'none' },
  },
});

/** The five phases in little: which is done, which runs. */
export function MiniStepper({ phase }: { readonly phase: Phase }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const reached = PHASES.indexOf(phase);
  const text = t('phaseNow', { number: reached + 1, name: t(`phases.${phase}.name`) });
  return (
    <span role="img" aria-label={text} title={text} className={styles.root}>
      {PHASES.map((each, index) => (
        <span
          key={each}
          className={mergeClasses(styles.dot, index < reached && styles.done, index === reached && styles.now)}
        />
      ))}
    </span>
  );
}
