import type { Round } from '../migration/receipt.ts';
import { formatBytes, formatMs } from '../model/units.ts';
import { bar, type Look, padEnd } from './look.ts';
import { type Column, renderTable } from './table.ts';

const BAR_WIDTH_MIN = 6;
const BAR_WIDTH_MAX = 30;
const GAP = 2;

/**
 * One line a round: what was sent and what was left, and how fast the guest dirtied memory against how fast it went over. The
 * bar is what was sent, and behind it, lighter, what was left to be sent again.
 */
export function renderRounds(list: readonly Round[], look: Look): string {
  if (list.length === 0) return '';
  const lines = renderTable(list, COLUMNS, look).split('\n');
  const widest = Math.max(...lines.map((line) => line.length));
  const width = Math.min(BAR_WIDTH_MAX, look.columns - widest - GAP);
  if (width < BAR_WIDTH_MIN) return lines.join('\n');
  const most = Math.max(1, ...list.map((round) => round.sentBytes + round.remainingBytes));
  return lines
    .map((line, index) => {
      const round = list[index - 1];
      if (round === undefined) return line;
      const sent = bar(round.sentBytes / most, width);
      const left = '░'.repeat(Math.min(width - sent.length, Math.round((round.remainingBytes / most) * width)));
      return `${padEnd(line, widest)}  ${look.paint('cyan', sent)}${look.paint('dim', left)}`.trimEnd();
    })
    .join('\n');
}

const COLUMNS: readonly Column<Round>[] = [
  { title: '#', align: 'right', value: (round) => String(round.round) },
  { title: 'time', align: 'right', value: (round) => formatMs(round.durationMs) },
  { title: 'sent', align: 'right', value: (round) => formatBytes(round.sentBytes) },
  { title: 'left', align: 'right', value: (round) => formatBytes(round.remainingBytes) },
  {
    title: 'dirtied',
    align: 'right',
    value: ({ dirtyBytesPerSecond }) => (dirtyBytesPerSecond === null ? '–' : formatRate(dirtyBytesPerSecond)),
  },
  { title: 'bandwidth', align: 'right', value: (round) => formatRate(round.bandwidthBytesPerSecond) },
  { title: 'ratio', align: 'right', value: dirtyShare },
];

/** From 100 % on the rounds cannot shrink. */
function dirtyShare({ dirtyBytesPerSecond, bandwidthBytesPerSecond }: Round): string {
  if (dirtyBytesPerSecond === null || bandwidthBytesPerSecond === 0) return '–';
  return `${Math.round((dirtyBytesPerSecond / bandwidthBytesPerSecond) * 100)} %`;
}

export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(Math.round(bytesPerSecond))}/s`;
}
