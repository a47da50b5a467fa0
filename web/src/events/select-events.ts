// Which events are shown, out of the pages that were loaded and those that came since over the live channel.
import type { EventView } from '../../../src/contract/events.ts';

/** All that is named must hold. */
export interface EventFilter {
  readonly vm?: string;
  readonly node?: string;
  readonly critical?: boolean;
  readonly kind?: EventView['kind'];
  /** Is in the text or the reason; upper and lower case are the same. */
  readonly text?: string;
}

export function passes(event: EventView, { vm, node, critical, kind, text }: EventFilter): boolean {
  return (
    (vm === undefined || event.vm === vm) &&
    (node === undefined || event.node === node) &&
    (critical !== true || event.critical) &&
    (kind === undefined || event.kind === kind) &&
    (text === undefined || `${event.text} ${event.reason}`.toLowerCase().includes(text.toLowerCase()))
  );
}

/** The newest first, each once. `loaded` has been filtered by the cluster. */
export function selectEvents(
  loaded: readonly EventView[],
  live: readonly EventView[],
  filter: EventFilter,
): readonly EventView[] {
  const byId = new Map<string, EventView>();
  for (const event of loaded) byId.set(event.id, event);
  for (const event of live) if (passes(event, filter)) byId.set(event.id, event);
  return [...byId.values()].sort((left, right) => (left.id < right.id ? 1 : -1));
}
