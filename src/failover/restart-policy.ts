// What follows when the QEMU of a highly available VM has failed: it is restarted where it is, then on another node, then it has failed.
import { RESTART_PERIOD_MS, type VmAvailability, type VmRestarts } from '../model/availability.ts';
import type { NodeName } from '../model/names.ts';

/** The first restart is immediate, the second waits for this long, each further one twice as long. */
const FIRST_DELAY_MS = 5000;
const DELAY_MAX_MS = 60_000;

export interface FailedVm {
  readonly limits: VmAvailability['restart'];
  /** As recorded; undefined: none lately. */
  readonly restarts: VmRestarts | undefined;
  /** Where it failed. */
  readonly node: NodeName;
  /** Wall clock, in milliseconds since 1970. */
  readonly wallMs: number;
}

/** `restarts` is to be recorded with the decision; `reason`: part of a sentence. */
export interface RestartDecision {
  readonly kind: 'here' | 'elsewhere' | 'failed';
  readonly restarts: VmRestarts;
  readonly reason: string;
}

export function decideRestart({ limits, restarts, node, wallMs }: FailedVm): RestartDecision {
  const counted = countedRestarts(restarts, wallMs) ?? {
    ...{ since: new Date(wallMs).toISOString(), here: 0, elsewhere: 0, failedOn: [] },
  };
  if (counted.here < limits.here) {
    const here = counted.here + 1;
    return { kind: 'here', restarts: { ...counted, here }, reason: `restarted on ${node} (${here} of ${limits.here})` };
  }
  const failedOn = [...counted.failedOn.filter((other) => other !== node), node];
  if (counted.elsewhere < limits.elsewhere) {
    const reason = `to be started on another node (${counted.elsewhere + 1} of ${limits.elsewhere})`;
    return { kind: 'elsewhere', restarts: { ...counted, failedOn }, reason };
  }
  return { kind: 'failed', restarts: { ...counted, failedOn }, reason: 'its restarts are used up' };
}

/** The restarts that still count; null if there are none or their period is over (or lies ahead: a clock was set back). */
export function countedRestarts(restarts: VmRestarts | undefined, wallMs: number): VmRestarts | null {
  if (restarts === undefined) return null;
  const elapsedMs = wallMs - Date.parse(restarts.since);
  return elapsedMs < 0 || elapsedMs > RESTART_PERIOD_MS ? null : restarts;
}

/** Nodes on which it failed and which are not to get it back for now. */
export function failedLatelyOn(restarts: VmRestarts | undefined, wallMs: number): readonly NodeName[] {
  return countedRestarts(restarts, wallMs)?.failedOn ?? [];
}

/** With its arrival on another node. It gets its restarts there anew. */
export function withStartElsewhere(restarts: VmRestarts, wallMs: number): VmRestarts {
  const counted = countedRestarts(restarts, wallMs) ?? { ...restarts, since: new Date(wallMs).toISOString() };
  return { ...counted, here: 0, elsewhere: counted.elsewhere + 1 };
}

/** How long the next start where it is waits after the failure, in milliseconds. */
export function restartDelayMs(restarts: VmRestarts | undefined, wallMs: number): number {
  const here = countedRestarts(restarts, wallMs)?.here ?? 0;
  return here < 2 ? 0 : Math.min(DELAY_MAX_MS, FIRST_DELAY_MS * 2 ** (here - 2));
}
