import type { HighAvailabilityView } from '../contract/availability.ts';
import type { Look } from './look.ts';
import { ago } from './times.ts';

/** "armed", or who has disarmed it, when and why. */
export function availabilityText(view: HighAvailabilityView, look: Look, nowMs: number): string {
  const when = view.since === null ? '' : ` ${ago(view.since, nowMs)}`;
  if (view.armed) return `${look.paint('green', 'armed')}${when === '' ? '' : ` (again${when})`}`;
  return `${look.paint('red', 'DISARMED')} by ${view.by ?? 'somebody'}${when}: ${view.reason ?? 'no reason was given'}`;
}
