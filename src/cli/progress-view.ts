import type { MigrationProgress } from '../migration/migration.ts';
import { MIGRATION_PHASES, phaseTitle } from '../migration/phases.ts';
import type { Decision, Round } from '../migration/receipt.ts';
import { formatBytes, formatMs } from '../model/units.ts';
import { bar, type Look, padEnd, padStart, truncate } from './look.ts';
import { formatRate } from './rounds-view.ts';

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** What a terminal shows besides the progress itself. */
export interface ProgressFrame {
  /** Counts the redraws; turns the spinner. */
  readonly tick: number;
  /** The bar never goes back, though a new round may have more left than the one before. */
  readonly percentMin: number;
  /** Milliseconds since this progress was heard; running times go on by it. */
  readonly sinceHeardMs: number;
  /** Said below the bar, e.g. that the connection is being found again. */
  readonly note: string;
}

export function phaseNumber(progress: Pick<MigrationProgress, 'phase'>): number {
  return MIGRATION_PHASES.findIndex((row) => row.phase === progress.phase) + 1;
}

/** Share of the memory that is over, in percent, 0 to 100. */
export function progressPercent(progress: MigrationProgress): number {
  if (progress.outcome === 'completed') return 100;
  const number = phaseNumber(progress);
  if (number < 3) return 0;
  if (number > 3) return 99;
  // Before the first figure arrives nothing is known to remain, which does not mean that all is over.
  if (progress.transferredBytes === 0 || progress.memoryBytes <= 0) return 0;
  return Math.min(99, Math.max(0, 100 * (1 - progress.remainingBytes / progress.memoryBytes)));
}

/** Heading, five phases, bar: drawn over itself on a terminal. No line is wider than the terminal. */
export function renderProgress(progress: MigrationProgress, frame: ProgressFrame, look: Look): string[] {
  const { vm, source, destination } = progress;
  const lines = [
    look.paint('bold', truncate(`Live migration of ${vm}: ${source} → ${destination}`, look.columns)),
    ...phaseLines(progress, frame, look),
    `  ${barLine(progress, frame, look)}`,
  ];
  const last = progress.decisions.at(-1);
  if (last?.what === 'wait' && progress.phase === 'pre-migration') {
    lines.push(look.paint('yellow', truncate(`  waits: ${last.why}`, look.columns)));
  }
  if (frame.note !== '') lines.push(look.paint('yellow', truncate(`  ${frame.note}`, look.columns)));
  return lines;
}

function phaseLines(progress: MigrationProgress, frame: ProgressFrame, look: Look): string[] {
  const current = phaseNumber(progress);
  const titleWidth = Math.max(...MIGRATION_PHASES.map((row) => row.title.length));
  return MIGRATION_PHASES.map(({ phase, title }, index) => {
    const number = index + 1;
    const timing = progress.phases.find((entry) => entry.name === phase);
    const padded = padEnd(title, titleWidth);
    if (number > current) return look.paint('dim', `  · ${padded}`.trimEnd());
    if (number < current || progress.outcome === 'completed') {
      return `  ${look.paint('green', '✔')} ${padded}  ${padStart(timing === undefined ? '' : formatMs(timing.durationMs), 9)}`.trimEnd();
    }
    if (progress.outcome !== null) return `  ${look.paint('red', '✘')} ${padded}  ${progress.outcome}`;
    const spinner = look.paint('cyan', SPINNER[frame.tick % SPINNER.length] ?? '');
    const running = padStart(formatMs(runningMs(progress, frame)), 9);
    return `  ${spinner} ${padded}  ${running}  ${roundText(progress)}`.trimEnd();
  });
}

/** Time since the current phase began, by the source's own figures. */
function runningMs(progress: MigrationProgress, frame: ProgressFrame): number {
  const timing = progress.phases.find((entry) => entry.name === progress.phase);
  if (timing === undefined) {
    const passedMs = progress.phases.reduce((sum, phase) => sum + phase.durationMs, 0);
    return Math.max(0, progress.elapsedMs - passedMs) + frame.sinceHeardMs;
  }
  const beganMs = Date.parse(timing.startedAt) - Date.parse(progress.startedAt);
  return Math.max(0, progress.elapsedMs - beganMs) + frame.sinceHeardMs;
}

function roundText(progress: MigrationProgress): string {
  return progress.phase === 'iterative-pre-copy' ? `round ${(progress.rounds.at(-1)?.round ?? 0) + 1}` : '';
}

function barLine(progress: MigrationProgress, frame: ProgressFrame, look: Look): string {
  const percent = Math.max(frame.percentMin, progressPercent(progress));
  const copying = progress.phase === 'iterative-pre-copy';
  const figures = [
    `${padStart(String(Math.floor(percent)), 3)} %`,
    ...(progress.bandwidthBytesPerSecond > 0 ? [formatRate(progress.bandwidthBytesPerSecond)] : []),
    ...(copying && progress.transferredBytes > 0 ? [`${formatBytes(progress.remainingBytes)} left`] : []),
    ...(copying && progress.remainingMs !== null && progress.remainingMs > 0
      ? [`about ${formatMs(progress.remainingMs)}`]
      : []),
  ].join('  ');
  const width = Math.max(6, Math.min(40, look.columns - figures.length - 8));
  const filled = bar(percent / 100, width);
  const empty = '░'.repeat(width - filled.length);
  return truncate(`${look.paint('cyan', filled)}${look.paint('dim', empty)} ${figures}`, look.columns - 2);
}

/** Where there is no terminal: one line for each change since the last progress, also for what was passed unseen. */
export function describeChanges(before: MigrationProgress | null, after: MigrationProgress): string[] {
  const lines: string[] = [];
  if (before === null) {
    lines.push(`${after.vm}: live migration from ${after.source} to ${after.destination} (${after.id})`);
  }
  const from = before === null ? 0 : phaseNumber(before);
  const seenRounds = before?.rounds.length ?? 0;
  for (let number = from; number <= phaseNumber(after); number += 1) {
    const row = MIGRATION_PHASES[number - 1];
    if (row === undefined) continue;
    if (number > from) lines.push(phaseStarted(number, after));
    if (row.phase === 'iterative-pre-copy') lines.push(...after.rounds.slice(seenRounds).map(roundLine));
  }
  lines.push(...after.decisions.slice(before?.decisions.length ?? 0).map(decisionLine));
  return lines;
}

function decisionLine({ what, why }: Decision): string {
  return `${what}: ${why}`;
}

function phaseStarted(number: number, progress: MigrationProgress): string {
  const row = MIGRATION_PHASES[number - 1];
  const previous = MIGRATION_PHASES[number - 2];
  const timing = progress.phases.find((entry) => entry.name === previous?.phase);
  const took =
    previous === undefined || timing === undefined
      ? ''
      : `, after ${formatMs(timing.durationMs)} of ${phaseTitle(previous.phase)}`;
  return `phase ${number} of ${MIGRATION_PHASES.length}: ${row?.title ?? ''}${took}`;
}

function roundLine(round: Round): string {
  const { sentBytes, remainingBytes, bandwidthBytesPerSecond, durationMs } = round;
  return `round ${round.round}: sent ${formatBytes(sentBytes)} in ${formatMs(durationMs)} (${formatRate(bandwidthBytesPerSecond)}), ${formatBytes(remainingBytes)} left`;
}
