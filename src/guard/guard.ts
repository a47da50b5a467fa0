/** Holds the node's deadline and carries out what decide-guard.ts says about it. Synchronous throughout. */
import { AUTHORITY_MS, GUARD_PERIOD_MS } from '../model/authority.ts';
import type { MessageFromGuard, MessageToGuard } from '../model/guard-line.ts';
import { decideGuard, type GuardDecision } from './decide-guard.ts';
import type { HaGroup, HaGroupState } from './ha-group.ts';
import type { Watchdog } from './watchdog.ts';

export interface GuardParts {
  readonly guardId: string;
  readonly group: HaGroup;
  /** Null: none stands behind this guard. */
  readonly watchdog: Watchdog | null;
  readonly say: (text: string) => void;
  readonly tell: (message: MessageFromGuard) => void;
}

const RETRY_MS = 100;
const RUNS: HaGroupState = { populated: true, frozen: false };

/** CLOCK_MONOTONIC in milliseconds: the same clock for all processes of a machine. */
export function nowMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

export class Guard {
  readonly #parts: GuardParts;
  /** Undefined: no agent has asked for anything yet, and no VM runs. Then there is nothing to do. */
  #deadlineMs: number | null | undefined;
  #freezingSinceMs: number | null = null;
  #latencyMaxMs = 0;
  #disarmed: boolean | null = null;
  #reason = '';
  #timer: NodeJS.Timeout | undefined;
  #dueAtMs: number | null = null;

  constructor(parts: GuardParts) {
    this.#parts = parts;
    if (parts.group.isToldToFreeze()) this.#freezingSinceMs = nowMs();
    // A guard before this one has ended: what it knew is lost, so the VMs have no right to run until the agent says so.
    if (parts.group.state().populated) this.#deadlineMs = 0;
  }

  /** Ends with the process. */
  run(): void {
    this.#look();
  }

  handle(message: MessageToGuard): void {
    if (message.kind === 'extend') this.#extend(message.untilMs);
    else if (message.kind === 'end') this.#deadlineMs = nowMs();
    else this.#sayGoodbye();
    this.#look();
  }

  /** Disarms the watchdog, unless VMs are left that it may still have to stop. True if none is armed any more. */
  disarm(): boolean {
    const { group, watchdog } = this.#parts;
    if (watchdog === null || !watchdog.armed) return true;
    if (group.state().populated) return false;
    watchdog.disarm();
    return true;
  }

  message(): MessageFromGuard {
    return {
      kind: 'status',
      guardId: this.#parts.guardId,
      authorityUntilMs: this.#deadlineMs ?? null,
      watchdogMs: this.#parts.watchdog?.grantedMs ?? null,
      latencyMaxMs: Math.ceil(this.#latencyMaxMs),
      frozen: this.#freezingSinceMs !== null,
      disarmed: this.#disarmed,
    };
  }

  #extend(untilMs: number | null): void {
    const { watchdog } = this.#parts;
    if (watchdog !== null && !watchdog.armed) watchdog.arm();
    this.#disarmed = null;
    if (untilMs === null) {
      this.#deadlineMs = null;
      return;
    }
    // Whatever is wrong with the agent, it gives no more than a heartbeat that is sent at this moment would.
    const clampedMs = Math.min(untilMs, nowMs() + AUTHORITY_MS);
    // From none to one is allowed: the cluster can take the node over from now on.
    this.#deadlineMs = typeof this.#deadlineMs === 'number' ? Math.max(this.#deadlineMs, clampedMs) : clampedMs;
  }

  #sayGoodbye(): void {
    this.#disarmed = this.disarm();
    this.#parts.say(this.#disarmed ? 'the agent said goodbye' : 'the agent said goodbye, but VMs are left');
  }

  /** Acts, measures how late that was, and comes back when something is due. */
  #look(): void {
    const dueAtMs = this.#dueAtMs;
    const startedMs = nowMs();
    const wakeAtMs = this.#tryToAct(startedMs);
    const doneMs = nowMs();
    // Called by a message it may be early; what the writes took counts as well.
    const latencyMs = doneMs - Math.min(startedMs, dueAtMs ?? startedMs);
    if (latencyMs > this.#latencyMaxMs) this.#latencyMaxMs = latencyMs;
    this.#parts.tell(this.message());
    this.#dueAtMs = wakeAtMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), Math.max(0, wakeAtMs - nowMs()));
  }

  /** Whatever the kernel refuses is tried again; as long as it does the watchdog gets nothing, because writing to it comes last. */
  #tryToAct(startedMs: number): number {
    try {
      return this.#act(startedMs);
    } catch (error) {
      const reason = `failed: ${String(error)}`;
      if (reason !== this.#reason) this.#parts.say(reason);
      this.#reason = reason;
      return nowMs() + RETRY_MS;
    }
  }

  /** Returns when to look again at the latest. */
  #act(startedMs: number): number {
    const deadlineMs = this.#deadlineMs;
    if (deadlineMs === undefined) return startedMs + GUARD_PERIOD_MS;
    let decision = this.#decide(startedMs, deadlineMs);
    this.#carryOut(decision);
    // The process may have been stopped between looking at the clock and writing: what was right then may be wrong now.
    const afterMs = nowMs();
    const again = this.#decide(afterMs, deadlineMs);
    if (again.freeze !== decision.freeze || again.kill !== decision.kill) {
      this.#carryOut(again);
      decision = again;
    }
    if (decision.reason !== this.#reason) this.#parts.say(decision.reason);
    this.#reason = decision.reason;
    return decision.wakeAtMs;
  }

  #decide(atMs: number, deadlineMs: number | null): GuardDecision {
    const { group } = this.#parts;
    // Nothing is asked of the kernel while the node has its right.
    const { populated, frozen } = this.#freezingSinceMs === null ? RUNS : group.state();
    return decideGuard({ nowMs: atMs, deadlineMs, freezingSinceMs: this.#freezingSinceMs, populated, frozen });
  }

  #carryOut({ freeze, kill, pet }: GuardDecision): void {
    const { group, watchdog } = this.#parts;
    if (freeze && this.#freezingSinceMs === null) {
      group.freeze();
      this.#freezingSinceMs = nowMs();
    } else if (!freeze && this.#freezingSinceMs !== null) {
      group.thaw();
      this.#freezingSinceMs = null;
    }
    if (kill) group.kill();
    if (pet) watchdog?.pet();
  }
}
