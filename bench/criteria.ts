/** What a live migration shall reach over a link of 1 Gbit/s, and what it did reach. Pure. */
import {
  FILLED_RANDOM,
  FILLED_TEXT,
  IDLE,
  IDLE_UDP,
  IDLE_UPLOAD,
  type LinkFigures,
  LOADED_16,
  LOADED_64,
  type Measurement,
  NO_CONVERGENCE,
  SCENARIOS,
  type Scenario,
  type Variant,
  VARIANTS,
} from './bench-plan.ts';
import {
  completedOnes,
  forecastErrors,
  framesPerClientFrame,
  gapsBeyondBlackout,
  medianOf,
  networkGaps,
  udpCourse,
  uploadOf,
} from './observed.ts';
import { markdownTable, maximum, median, ratioOf, sum, text } from './statistics.ts';

/** `met` is null where it was not measured. */
interface Verdict {
  readonly measured: string;
  readonly met: boolean | null;
}

interface Criterion {
  readonly what: string;
  readonly judge: (seen: Seen) => Verdict;
}

interface Seen {
  readonly own: (scenario: Scenario) => readonly Measurement[];
  readonly raw: (scenario: Scenario) => readonly Measurement[];
  readonly link: LinkFigures | undefined;
}

const BUDGET_TOLERANCE_MS = 10;
const LOADED_GAP_BEYOND_BUDGET_MS = 80;
/** Frames per frame of the client, against raw QEMU's: more is a loop. */
const STORM_RATIO = 1.2;

/** Each is judged for the whole migration and for the switchover alone: QEMU also holds the guest up when it begins. */
const GAP_KINDS = [
  { kind: 'whole', words: '' },
  { kind: 'switchover', words: ' at the switchover' },
] as const;

const CRITERIA: readonly Criterion[] = [
  ...GAP_KINDS.flatMap(({ kind, words }): Criterion[] => [
    {
      what: `idle: network gap${words} <= 0.5 × raw`,
      judge: ({ own, raw }) =>
        atMost(ratioOf(median(networkGaps(own(IDLE), kind)), median(networkGaps(raw(IDLE), kind))), 0.5, '×'),
    },
    {
      what: `idle: network gap${words} <= blackout + 60 ms`,
      judge: ({ own }) => atMost(median(gapsBeyondBlackout(own(IDLE), kind)), 60, 'ms'),
    },
  ]),
  {
    what: 'idle: no retransmission timeout at the client',
    judge: ({ own }) => {
      const { measured, met } = none(own(IDLE), (one) => one.wire.tcpTimeouts);
      // Where the last segment is lost, a probe comes before the timeout, and just as late.
      const probes = sum(own(IDLE).map((one) => one.wire.tcpLossProbes));
      return { measured: met === null ? measured : `${measured}, ${probes} loss probes`, met };
    },
  },
  ...[LOADED_16, LOADED_64].flatMap((scenario) => loadedCriteria(scenario)),
  {
    what: 'UDP: no packet lost',
    judge: ({ own }) =>
      none(own(IDLE_UDP), (one) => {
        const course = udpCourse(one);
        return course === null ? null : course.lostToGuest + course.lostFromGuest;
      }),
  },
  {
    what: 'UDP: duplicates < 1 % of the packets in the window',
    judge: ({ own }) => {
      const worst = maximum(own(IDLE_UDP).flatMap((one) => udpCourse(one)?.duplicateShare ?? []));
      return worst === null ? NOT_MEASURED : { measured: `${(worst * 100).toFixed(2)} %`, met: worst < 0.01 };
    },
  },
  {
    what: 'upload: no reset',
    judge: ({ own }) => none(own(IDLE_UPLOAD), (one) => (one.client === null || one.client.broken !== null ? 1 : 0)),
  },
  {
    what: 'upload: throughput back within 1 s, in every run',
    judge: ({ own }) => {
      const courses = completedOnes(own(IDLE_UPLOAD)).flatMap((one) => uploadOf(one) ?? []);
      const worst = maximum(courses.map(({ backMs }) => backMs ?? Number.POSITIVE_INFINITY));
      return atMost(worst, 1000, 'ms');
    },
  },
  {
    what: `UDP and upload: no loop or storm (frames per client frame <= ${STORM_RATIO} × raw)`,
    judge: ({ own, raw }) => {
      const ratios = [IDLE_UDP, IDLE_UPLOAD].flatMap((scenario) => {
        const [ours, theirs] = [own(scenario), raw(scenario)].map((runs) =>
          median(runs.flatMap((one) => framesPerClientFrame(one) ?? [])),
        );
        return ratioOf(ours ?? null, theirs ?? null) ?? [];
      });
      return atMost(maximum(ratios), STORM_RATIO, '×');
    },
  },
  {
    what: 'no blackout above budget + 10 ms unless the user allowed it',
    judge: ({ own }) => {
      const runs = completedOnes(SCENARIOS.flatMap((scenario) => [...own(scenario)]));
      return none(runs, exceedsBudget);
    },
  },
  {
    what: 'does not converge: ends with a reason, the guest untouched on the source',
    judge: ({ own }) => {
      const runs = own(NO_CONVERGENCE);
      const good = runs.filter((one) => one.failure !== null && one.guestSurvived && one.ownerAfter === one.source);
      const measured = `${good.length} of ${runs.length}, after ${text(median(runs.flatMap((one) => one.totalMs ?? [])), 0)} ms`;
      return runs.length === 0 ? NOT_MEASURED : { measured, met: good.length === runs.length };
    },
  },
  {
    what: 'idle: total <= 1.05 × raw',
    judge: ({ own, raw }) => atMost(totalRatio(own(IDLE), raw(IDLE)), 1.05, '×'),
  },
  {
    what: 'first round of random memory >= 95 % of the link',
    judge: ({ own, link }) => {
      const bandwidth = median(own(FILLED_RANDOM).flatMap((one) => one.firstRoundBytesPerSecond ?? []));
      const share = ratioOf(bandwidth, link?.bytesPerSecond ?? null);
      return share === null ? NOT_MEASURED : { measured: `${(share * 100).toFixed(1)} %`, met: share >= 0.95 };
    },
  },
  {
    what: 'compressible memory: total <= 0.7 × raw',
    judge: ({ own, raw }) => atMost(totalRatio(own(FILLED_TEXT), raw(FILLED_TEXT)), 0.7, '×'),
  },
  {
    what: 'forecast of the total time: median error <= 25 %',
    judge: ({ own }) => {
      const error = median(forecastErrors(SCENARIOS.flatMap((scenario) => [...own(scenario)])));
      return atMost(error === null ? null : error * 100, 25, '%');
    },
  },
];

/** For one link. */
export function criteriaTable(measurements: readonly Measurement[], link: LinkFigures | undefined): string {
  const variants = VARIANTS.filter(
    (variant) => variant !== 'raw' && measurements.some((one) => one.variant === variant),
  );
  const of = (variant: Variant) => (scenario: Scenario) =>
    measurements.filter((one) => one.variant === variant && one.scenario === scenario.name);
  const rows = CRITERIA.map(({ what, judge }) => [
    what,
    ...variants.flatMap((variant) => {
      const { measured, met } = judge({ own: of(variant), raw: of('raw'), link });
      return [measured, met === null ? '–' : met ? 'met' : 'NOT MET'];
    }),
  ]);
  return markdownTable([['criterion', ...variants.flatMap((variant) => [variant, 'met?'])], ...rows], 1);
}

function loadedCriteria(scenario: Scenario): Criterion[] {
  return [
    ...GAP_KINDS.map(
      ({ kind, words }): Criterion => ({
        what: `${scenario.name}: network gap${words} <= budget + ${LOADED_GAP_BEYOND_BUDGET_MS} ms`,
        judge: ({ own }) => {
          const runs = own(scenario);
          const budgetMs = medianOf(runs, 'budgetMs');
          return budgetMs === null
            ? NOT_MEASURED
            : atMost(median(networkGaps(runs, kind)), budgetMs + LOADED_GAP_BEYOND_BUDGET_MS, 'ms');
        },
      }),
    ),
    {
      what: `${scenario.name}: all finish`,
      judge: ({ own }) => {
        const runs = own(scenario);
        const good = completedOnes(runs).length;
        return runs.length === 0 ? NOT_MEASURED : { measured: `${good} of ${runs.length}`, met: good === runs.length };
      },
    },
    {
      what: `${scenario.name}: total <= 3 s`,
      judge: ({ own }) => atMost(medianOf(own(scenario), 'totalMs'), 3000, 'ms'),
    },
  ];
}

const NOT_MEASURED: Verdict = { measured: '–', met: null };

function atMost(value: number | null, limit: number, unit: string): Verdict {
  if (value === null) return NOT_MEASURED;
  const measured = Number.isFinite(value) ? `${value.toFixed(unit === '×' ? 2 : 0)} ${unit}` : 'never';
  return { measured, met: value <= limit };
}

/** `count` is null where a run has nothing to count in. */
function none(runs: readonly Measurement[], count: (one: Measurement) => number | null): Verdict {
  const counts = runs.flatMap((one) => count(one) ?? []);
  if (counts.length === 0) return NOT_MEASURED;
  return { measured: `${sum(counts)} in ${counts.length}`, met: sum(counts) === 0 };
}

function totalRatio(own: readonly Measurement[], raw: readonly Measurement[]): number | null {
  return ratioOf(medianOf(own, 'totalMs'), medianOf(raw, 'totalMs'));
}

function exceedsBudget({ blackoutMs, budgetMs, budgetUsedMs }: Measurement): number | null {
  if (blackoutMs === null || budgetMs === null) return null;
  const allowedMs = Math.max(budgetMs, budgetUsedMs ?? 0);
  return blackoutMs > allowedMs + BUDGET_TOLERANCE_MS ? 1 : 0;
}
