import { AUTHORITY_MS } from '../src/model/authority.ts';
import type { GuardDecision } from '../src/guard/decide-guard.ts';
import type { GuardStatus } from '../src/ports/guard.ts';
import { cancel, type Timer } from './engine.ts';
import type { Machine } from './machine.ts';

const RUNS = { populated: true, frozen: false };

/** The guard process of a machine: carries out what the production decision says, as src/guard/guard.ts does. */
export class SimulatedGuard {
  readonly #machine: Machine;
  readonly #guardId: string;
  /** Undefined: nobody has asked for anything yet. */
  deadlineMs: number | null | undefined = undefined;
  /** It is stopped for so long between looking at the clock and writing, once. */
  stallMs = 0;
  /** It stands still at the worst moment: before the end of authority it looks, then it pets in the last instant, then never again. */
  worst = false;
  #freezingSinceMs: number | null = null;
  #timer: Timer | null = null;
  #killed = false;
  #told = '';

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#guardId = `${machine.name}-guard${Math.round(machine.mono() * 1000)}`;
    if (machine.groupFrozen) this.#freezingSinceMs = machine.mono();
    if (machine.populated()) this.deadlineMs = 0;
  }

  begin(): void {
    this.#look();
    this.#tell(true);
  }

  status(): GuardStatus {
    const machine = this.#machine;
    return {
      watchdogMs: machine.armed ? machine.options.watchdogMs : null,
      latencyMaxMs: 0,
      frozen: this.#freezingSinceMs !== null,
      authorityUntilMs: this.deadlineMs ?? null,
      guardId: this.#guardId,
    } as GuardStatus;
  }

  extend(untilMs: number | null): void {
    const machine = this.#machine;
    if (untilMs === null) this.deadlineMs = null;
    else {
      const clamped = Math.min(untilMs, machine.mono() + machine.world.rules.guardClampMs(AUTHORITY_MS));
      this.deadlineMs = typeof this.deadlineMs === 'number' ? Math.max(this.deadlineMs, clamped) : clamped;
    }
    // The first one arms the watchdog.
    if (!machine.armed) machine.pet();
    if (this.#freezingSinceMs !== null || this.#timer?.run == null) this.#look();
    this.#tell(false);
  }

  end(): void {
    this.deadlineMs = this.#machine.mono();
    this.#look();
  }

  /** Nothing to do while nobody has asked for anything; the watchdog is not armed then either. */
  #look(): void {
    const machine = this.#machine;
    cancel(this.#timer);
    if (this.deadlineMs === undefined) return;
    const decision = this.#decide();
    if (this.worst && typeof this.deadlineMs === 'number' && decision.pet && decision.wakeAtMs >= this.deadlineMs) {
      const { engine } = machine.world;
      engine.at(machine.expiresAt - 2, () => machine.guardProcess.deliver(() => machine.pet()));
      return;
    }
    if (this.stallMs > 0) {
      const stall = this.stallMs;
      this.stallMs = 0;
      // What was decided is carried out late; then the clock is looked at again.
      this.#timer = machine.timer(machine.guardProcess, machine.mono() + stall, () => {
        this.#carryOut(decision);
        this.#look();
      });
      return;
    }
    this.#carryOut(decision);
    this.#timer = machine.timer(machine.guardProcess, decision.wakeAtMs, () => this.#look());
  }

  #decide(): GuardDecision {
    const machine = this.#machine;
    const frozenAsked = this.#freezingSinceMs !== null;
    const { populated, frozen } = frozenAsked ? { populated: machine.populated(), frozen: machine.groupQuiet() } : RUNS;
    return machine.world.protocol.decideGuard({
      nowMs: machine.mono(),
      deadlineMs: this.deadlineMs ?? null,
      freezingSinceMs: this.#freezingSinceMs,
      populated,
      frozen,
    });
  }

  #carryOut({ freeze, kill, pet }: GuardDecision): void {
    const machine = this.#machine;
    if (freeze && this.#freezingSinceMs === null) {
      if (machine.world.telling) machine.world.tell({ kind: 'guard', node: machine.name, what: 'freezes' });
      machine.setGroupFrozen(true);
      this.#freezingSinceMs = machine.mono();
      this.#tell(false);
    } else if (!freeze && this.#freezingSinceMs !== null) {
      if (machine.world.telling) machine.world.tell({ kind: 'guard', node: machine.name, what: 'thaws' });
      machine.setGroupFrozen(false);
      this.#freezingSinceMs = null;
      this.#killed = false;
      this.#tell(false);
    }
    if (kill && !this.#killed) {
      this.#killed = true;
      if (machine.world.telling) machine.world.tell({ kind: 'guard', node: machine.name, what: 'kills' });
      for (const qemu of machine.highlyAvailable()) machine.kill(qemu);
    }
    if (pet) machine.pet();
  }

  /** The agent hears of every change; of a mere extension only as long as it waits for one. */
  #tell(always: boolean): void {
    const machine = this.#machine;
    const status = this.status();
    const bound = status.authorityUntilMs === null ? 'none' : 'time';
    const news = `${status.watchdogMs} ${status.frozen} ${bound}`;
    if (!always && news === this.#told && machine.agent?.standing.waitsForGuard() !== true) return;
    this.#told = news;
    const { agentProcess } = machine;
    machine.world.engine.after(0.2, () => agentProcess.deliver(() => machine.agent?.standing.guardSaid(status)));
  }
}
