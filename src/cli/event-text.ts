import type { EventView } from '../contract/events.ts';
import type { Look } from './look.ts';
import { formatTime } from './times.ts';

/** One event: when, what, why. Critical ones are marked. */
export function eventLine(event: EventView, look: Look): string {
  const mark = event.critical ? look.paint('red', '!') : ' ';
  const reason = event.reason === '' ? '' : ` ${look.paint('dim', event.reason)}`;
  return `${look.paint('dim', formatTime(event.at))} ${mark} ${event.text}${reason}`;
}

export function eventLines(events: readonly EventView[], look: Look): string {
  return events.map((event) => eventLine(event, look)).join('\n');
}
