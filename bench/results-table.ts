/** From measurements to tables of medians and ratios, in Markdown. Pure. */
import { FILLED_RANDOM, type LinkFigures, type Measurement, SCENARIOS, VARIANTS } from './bench-plan.ts';
import {
  completedOnes,
  forecastErrors,
  framesPerClientFrame,
  gapsBeyondBlackout,
  medianOf,
  networkGapMs,
  networkGaps,
  udpCourse,
  uploadOf,
  valuesOf,
} from './observed.ts';
import { markdownTable, maximum, median, ratioText, sum, text } from './statistics.ts';

/** One line of a table: the runs of one scenario with one variant, and raw QEMU's beside them. */
interface Line {
  readonly own: readonly Measurement[];
  readonly raw: readonly Measurement[];
}

/** One table per kind of client, and one for the migrations that could not succeed. */
export function resultsTables(measurements: readonly Measurement[]): string {
  const one = (kind: 'compare' | 'budget') => linesOf(measurements, (scenario) => scenario.kind === kind);
  const parts = [
    table('Migrations', MIGRATION_HEAD, rowsOf([...one('compare'), ...one('budget')], migrationCells)),
    table(
      'UDP, 500 packets per second each way',
      UDP_HEAD,
      rowsOf(
        linesOf(measurements, ({ client }) => client === 'udp'),
        udpCells,
      ),
    ),
    table(
      'Upload into the guest, at most 500 Mbit/s',
      UPLOAD_HEAD,
      rowsOf(
        linesOf(measurements, ({ client }) => client === 'upload'),
        uploadCells,
      ),
    ),
    table('Does not converge', STUCK_HEAD, stuckRows(measurements)),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

export function linkTable(links: readonly LinkFigures[], measurements: readonly Measurement[]): string {
  const rows = links.map((figures) => {
    const bandwidthOf = (variant: string) =>
      median(
        measurements
          .filter((one) => one.link === figures.link && one.variant === variant && one.scenario === FILLED_RANDOM.name)
          .flatMap((one) => one.firstRoundBytesPerSecond ?? []),
      );
    const cells = VARIANTS.filter((variant) => variant !== 'raw').flatMap((variant) => [
      text(megabits(bandwidthOf(variant)), 0),
      ratioText(bandwidthOf(variant), figures.bytesPerSecond),
    ]);
    return [figures.link, figures.measuredWith, text(megabits(figures.bytesPerSecond), 0), ...cells];
  });
  const head = ['link', 'measured with', 'Mbit/s', 'round 1, TLS', '× link', 'round 1, plain', '× link'];
  return table('Link between the nodes, and the first round of random memory over it', head, rows);
}

function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? '' : `${title}:\n\n${markdownTable([head, ...rows], 3)}`;
}

function linesOf(
  measurements: readonly Measurement[],
  wanted: (scenario: (typeof SCENARIOS)[number]) => boolean,
): Line[] {
  const lines: Line[] = [];
  for (const link of new Set(measurements.map((one) => one.link))) {
    for (const scenario of SCENARIOS.filter(wanted)) {
      const all = measurements.filter((one) => one.link === link && one.scenario === scenario.name);
      const raw = all.filter((one) => one.variant === 'raw');
      for (const variant of VARIANTS) {
        const own = all.filter((one) => one.variant === variant);
        if (own.length > 0) lines.push({ own, raw });
      }
    }
  }
  return lines;
}

function rowsOf(lines: readonly Line[], cells: (line: Line) => string[]): string[][] {
  return lines.map((line) => {
    const [first] = line.own;
    return [first?.link ?? '', first?.scenario ?? '', first?.variant ?? '', runsCell(line.own), ...cells(line)];
  });
}

function runsCell(own: readonly Measurement[]): string {
  const failed = own.length - completedOnes(own).length;
  const lost = own.filter((one) => !one.guestSurvived).length;
  const silent = own.filter((one) => one.client === null || one.client.broken !== null).length;
  const notes = [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(lost > 0 ? [`guest lost in ${lost}`] : []),
    ...(silent > 0 ? [`client cut off in ${silent}`] : []),
  ];
  return `${own.length - failed}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`;
}

const MIGRATION_HEAD = [
  ...['link', 'scenario', 'variant', 'runs', 'total ms', '× raw', 'transfer ms', '× raw', 'blackout ms (max)'],
  ...[
    'network gap ms (max)',
    '× raw',
    'at switchover ms (max)',
    '× raw',
    '− blackout',
    'RTOs + probes',
    'rounds',
    'sent MB',
    'forecast error',
  ],
];

function migrationCells({ own, raw }: Line): string[] {
  const sentBytes = medianOf(own, 'transferredBytes');
  const errors = forecastErrors(own);
  return [
    text(medianOf(own, 'totalMs'), 0),
    ratioText(medianOf(own, 'totalMs'), medianOf(raw, 'totalMs')),
    text(medianOf(own, 'transferMs'), 0),
    ratioText(medianOf(own, 'transferMs'), medianOf(raw, 'transferMs')),
    withMaximum(valuesOf(own, 'blackoutMs')),
    ...(['whole', 'switchover'] as const).flatMap((kind) => [
      withMaximum(networkGaps(own, kind)),
      ratioText(median(networkGaps(own, kind)), median(networkGaps(raw, kind))),
    ]),
    text(median(gapsBeyondBlackout(own, 'switchover')), 1),
    timeouts(own),
    text(medianOf(own, 'rounds'), 0),
    text(sentBytes === null ? null : sentBytes / 1e6, 1),
    errors.length === 0 ? '–' : `${((median(errors) ?? 0) * 100).toFixed(0)} %`,
  ];
}

const UDP_HEAD = [
  ...['link', 'scenario', 'variant', 'runs', 'sent', 'lost to guest', 'lost from guest', 'duplicates'],
  ...['duplicates in the window (max)', 'late', 'network gap ms (max)', 'frames per client frame'],
];

function udpCells({ own }: Line): string[] {
  const courses = own.flatMap((one) => udpCourse(one) ?? []);
  const total = (pick: (course: (typeof courses)[number]) => number) => `${sum(courses.map(pick))}`;
  const share = maximum(courses.flatMap((course) => course.duplicateShare ?? []));
  return [
    total(({ sent }) => sent),
    total(({ lostToGuest }) => lostToGuest),
    total(({ lostFromGuest }) => lostFromGuest),
    total(({ duplicates }) => duplicates),
    share === null ? '–' : `${(share * 100).toFixed(2)} %`,
    total(({ late }) => late),
    withMaximum(networkGaps(own, 'whole')),
    text(median(own.flatMap((one) => framesPerClientFrame(one) ?? [])), 2),
  ];
}

const UPLOAD_HEAD = [
  ...['link', 'scenario', 'variant', 'runs', 'before Mbit/s', 'meanwhile Mbit/s', 'back after ms (max)', 'resets'],
  ...['network gap ms (max)', 'RTOs + probes', 'retransmits', 'frames per client frame'],
];

function uploadCells({ own }: Line): string[] {
  const courses = own.flatMap((one) => uploadOf(one) ?? []);
  const backs = courses.flatMap(({ backMs }) => backMs ?? []);
  const never = completedOnes(own).length - backs.length;
  return [
    text(megabitsOf(courses.flatMap(({ before }) => before ?? [])), 0),
    text(megabitsOf(courses.flatMap(({ meanwhile }) => meanwhile ?? [])), 0),
    `${withMaximum(backs)}${never > 0 ? `, never in ${never}` : ''}`,
    `${own.filter((one) => one.client === null || one.client.broken !== null).length}`,
    withMaximum(networkGaps(own, 'whole')),
    timeouts(own),
    text(median(own.map((one) => one.wire.tcpRetransmits)), 0),
    text(median(own.flatMap((one) => framesPerClientFrame(one) ?? [])), 2),
  ];
}

const STUCK_HEAD = [
  ...['link', 'scenario', 'variant', 'runs', 'ended after ms (max)', 'guest unharmed', 'network gap ms (max)'],
  'outcome',
];

function stuckRows(measurements: readonly Measurement[]): string[][] {
  return linesOf(measurements, ({ kind }) => kind === 'no-convergence').map(({ own }) => [
    ...[own[0]?.link ?? '', own[0]?.scenario ?? '', own[0]?.variant ?? '', `${own.length}`],
    withMaximum(
      own.flatMap((one) => one.totalMs ?? []),
      0,
    ),
    `${own.filter((one) => one.guestSurvived).length} of ${own.length}`,
    withMaximum(own.flatMap((one) => networkGapMs(one) ?? [])),
    outcomesOf(own).join('; ').replaceAll('|', '/'),
  ]);
}

/** Each once, also if the same sentence has other numbers in another run. */
function outcomesOf(own: readonly Measurement[]): string[] {
  const outcomes = own.map((one) => one.failure ?? 'completed');
  const kinds = new Map(outcomes.toReversed().map((outcome) => [outcome.replaceAll(/\d+/g, '…'), outcome]));
  return [...kinds.values()];
}

/** At the client: retransmission timeouts and loss probes. */
function timeouts(own: readonly Measurement[]): string {
  return `${sum(own.map(({ wire }) => wire.tcpTimeouts))} + ${sum(own.map(({ wire }) => wire.tcpLossProbes))}`;
}

function withMaximum(values: readonly number[], digits = 1): string {
  return values.length === 0 ? '–' : `${text(median(values), digits)} (${text(maximum(values), digits)})`;
}

function megabits(bytesPerSecond: number | null): number | null {
  return bytesPerSecond === null ? null : (bytesPerSecond * 8) / 1e6;
}

function megabitsOf(bitsPerSecond: readonly number[]): number | null {
  const middle = median(bitsPerSecond);
  return middle === null ? null : middle / 1e6;
}
