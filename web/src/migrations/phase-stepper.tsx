import { makeStyles, mergeClasses, Spinner, tokens } from '@fluentui/react-components';
import { CheckmarkFilled, DismissFilled, SubtractFilled } from '@fluentui/react-icons';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { formatMs } from '../ui/format.ts';
import type { PhaseState, PhaseStep } from './migration-figures.ts';

const WIDE = '@container migration (min-width: 760px)';
const CIRCLE = '28px';

const useStyles = makeStyles({
  list: {
    display: 'grid',
    gridTemplateColumns: '1fr',
    gap: tokens.spacingVerticalM,
    listStyleType: 'none',
    margin: 0,
    padding: 0,
    [WIDE]: { gridTemplateColumns: 'repeat(5, minmax(0, 1fr))', gap: 0 },
    '@media print': { gridTemplateColumns: 'repeat(5, minmax(0, 1fr))', gap: 0 },
  },
  step: {
    position: 'relative',
    display: 'grid',
    gridTemplateColumns: `${CIRCLE} minmax(0, 1fr)`,
    columnGap: tokens.spacingHorizontalM,
    [WIDE]: { display: 'block', paddingRight: tokens.spacingHorizontalM },
    '@media print': { display: 'block', paddingRight: tokens.spacingHorizontalM },
  },
  line: {
    display: 'none',
    position: 'absolute',
    top: '13px',
    left: `calc(${CIRCLE} + 6px)`,
    right: '6px',
    height: '2px',
    backgroundColor: tokens.colorNeutralStroke2,
    transitionProperty: 'background-color',
    transitionDuration: tokens.durationSlow,
    [WIDE]: { display: 'block' },
  },
  lineDone: { backgroundColor: tokens.colorBrandStroke1 },
  circle: {
    display: 'flex',
    alignItems: 'center',
    justifyContent: 'center',
    width: CIRCLE,
    height: CIRCLE,
    boxSizing: 'border-box',
    borderRadius: tokens.borderRadiusCircular,
    border: `2px solid ${tokens.colorNeutralStroke1}`,
    color: tokens.colorNeutralForeground3,
    fontSize: tokens.fontSizeBase200,
    fontWeight: tokens.fontWeightSemibold,
    fontVariantNumeric: 'tabular-nums',
    transitionProperty: 'background-color, border-color',
    transitionDuration: tokens.durationNormal,
  },
  now: { border: `2px solid ${tokens.colorBrandStroke1}`, color: tokens.colorBrandForeground1 },
  done: {
    border: `2px solid ${tokens.colorBrandBackground}`,
    backgroundColor: tokens.colorBrandBackground,
    color: tokens.colorNeutralForegroundOnBrand,
  },
  ended: {
    border: `2px solid ${tokens.colorStatusDangerBackground3}`,
    backgroundColor: tokens.colorStatusDangerBackground3,
    color: tokens.colorNeutralForegroundOnBrand,
  },
  cancelled: {
    border: `2px solid ${tokens.colorNeutralForeground3}`,
    backgroundColor: tokens.colorNeutralForeground3,
    color: tokens.colorNeutralBackground1,
  },
  skipped: { border: `2px dashed ${tokens.colorNeutralStroke1}` },
  texts: { minWidth: 0, [WIDE]: { marginTop: tokens.spacingVerticalS } },
  name: { fontWeight: tokens.fontWeightSemibold, lineHeight: tokens.lineHeightBase300 },
  quiet: { color: tokens.colorNeutralForeground3 },
  time: {
    display: 'flex',
    flexWrap: 'wrap',
    columnGap: tokens.spacingHorizontalS,
    fontVariantNumeric: 'tabular-nums',
    fontSize: tokens.fontSizeBase200,
    lineHeight: tokens.lineHeightBase200,
  },
  explanation: {
    color: tokens.colorNeutralForeground3,
    fontSize: tokens.fontSizeBase200,
    lineHeight: tokens.lineHeightBase200,
    marginTop: tokens.spacingVerticalXXS,
  },
});

/** The five phases, always all of them, with what happens in each, how long it took, and where it stands. */
export function PhaseStepper(props: {
  readonly steps: readonly PhaseStep[];
  /** Ended by the user: nothing went wrong. */
  readonly cancelled: boolean;
  /** Since the last figures came, in milliseconds: the phase that runs goes on meanwhile. */
  readonly sinceMs: number;
}) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  return (
    <ol className={styles.list} aria-label={t('fiveSteps')}>
      {props.steps.map((step, index) => (
        <li key={step.phase} className={styles.step} aria-current={step.state === 'now' ? 'step' : undefined}>
          {index < props.steps.length - 1 && (
            <span className={mergeClasses(styles.line, step.state === 'done' && styles.lineDone)} aria-hidden />
          )}
          <Circle state={step.state} number={index + 1} cancelled={props.cancelled} />
          <div className={styles.texts}>
            <div className={mergeClasses(styles.name, isFar(step.state) && styles.quiet)}>
              {t(`phases.${step.phase}.name`)}
            </div>
            <div className={styles.time}>
              <span className={styles.quiet}>{t(`phases.${step.phase}.subtitle`)}</span>
            </div>
            <div className={styles.time}>
              <span className={isFar(step.state) ? styles.quiet : undefined}>{t(`phaseStates.${step.state}`)}</span>
              {step.durationMs !== null && (
                <strong>{formatMs(step.durationMs + (step.state === 'now' ? props.sinceMs : 0))}</strong>
              )}
            </div>
            <div className={styles.explanation}>{t(`phases.${step.phase}.explanation`)}</div>
          </div>
        </li>
      ))}
    </ol>
  );
}

function isFar(state: PhaseState): boolean {
  return state === 'ahead' || state === 'skipped';
}

function Circle(props: { readonly state: PhaseState; readonly number: number; readonly cancelled: boolean }) {
  const { state, number, cancelled } = props;
  const styles = useStyles();
  if (state === 'now') return <Spinner size="tiny" aria-hidden className={mergeClasses(styles.circle, styles.now)} />;
  const ended = cancelled ? styles.cancelled : styles.ended;
  const look = { ahead: undefined, done: styles.done, ended, skipped: styles.skipped }[state];
  return (
    <span className={mergeClasses(styles.circle, look)} aria-hidden>
      {sign(state, number, cancelled)}
    </span>
  );
}

function sign(state: PhaseState, number: number, cancelled: boolean): ReactElement | number {
  if (state === 'done') return <CheckmarkFilled />;
  if (state === 'ended') return cancelled ? <SubtractFilled /> : <DismissFilled />;
  return number;
}
