import type { NodeName } from '../model/names.ts';
import { isoDate } from '../migration/write-receipt.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/events.ts';
import type { Log } from '../ports/log.ts';
import type { LocalNotes } from '../ports/notes.ts';

interface LifePorts {
  readonly node: NodeName;
  readonly version: string;
  readonly bootId: string;
  readonly notes: LocalNotes;
  readonly events: EventLog & { close(): Promise<void> };
  readonly clock: Clock;
  readonly log: Log;
}

/** Note `agent`: the newest agent of this node. */
interface LifeNote {
  readonly bootId: string;
  readonly startedAt: string;
  /** It was asked to stop. */
  readonly stopped: boolean;
}

const NOTE = 'agent';
/** What is not stored by then is on this node's disk, and the next agent stores it. */
const FLUSH_MS = 2000;
/** One that ends again and again does not fill the event log. */
const SAID_AGAIN_AFTER_MS = 60_000;

/**
 * Says in the event log when an agent starts, and when it is stopped on purpose. Nothing else knows of it: until the next agent proves this
 * node's authority anew, an agent that was stopped is silent like one that was killed. Others neither wait longer for it, which could
 * not be taken back if it never comes, nor shorter, which would make a restart a failure (docs/decisions/0025).
 */
export class AgentLife {
  readonly #ports: LifePorts;
  readonly #startedAt: string;
  #ending: Promise<void> | null = null;

  constructor(ports: LifePorts) {
    this.#ports = ports;
    this.#startedAt = isoDate(ports.clock.wallMs());
  }

  /** Once it does its work. Never throws. */
  async started(): Promise<void> {
    const { node, version, bootId, notes, events, clock } = this.#ports;
    const before = notes.read(NOTE) as LifeNote | undefined;
    const ended = before?.bootId === bootId && !before.stopped;
    if (ended && clock.wallMs() - Date.parse(before.startedAt) < SAID_AGAIN_AFTER_MS) {
      this.#ports.log.warn('The agent before this one had ended without being asked to, and soon after its start');
    } else {
      const text = `The agent of ${node} has started (godwit ${version}).`;
      const about = { kind: 'agent-started', critical: ended, node, vm: null } as const;
      events.say({ ...about, text, reason: startedAgainBecause(before, bootId) });
    }
    if (this.#ending === null) await this.#note(false);
  }

  /** Its last words; resolves when they are stored, or kept for the next agent. It does its work until then. Never throws. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    const { node, version, events, clock, log } = this.#ports;
    log.info('The agent was asked to stop; guests and the database run on');
    events.say({
      ...{ kind: 'agent-stopped', critical: false, node, vm: null },
      text: `The agent of ${node} is stopped (godwit ${version}).`,
      reason: "It was asked to. The node's VMs run on for as long as another one proves its authority in time.",
    });
    const flushed = Promise.all([events.close(), this.#note(true)]).catch((error: unknown) => {
      log.warn('The last events could not be stored', { error });
    });
    await Promise.race([flushed, clock.sleep(FLUSH_MS)]);
  }

  async #note(stopped: boolean): Promise<void> {
    const { bootId, notes, log } = this.#ports;
    const note: LifeNote = { bootId, startedAt: this.#startedAt, stopped };
    await notes.write(NOTE, note).catch((error: unknown) => log.warn('That this agent runs was not noted', { error }));
  }
}

function startedAgainBecause(before: LifeNote | undefined, bootId: string): string {
  if (before === undefined) return 'It is the first one on this machine.';
  if (before.bootId !== bootId) return 'The machine was booted.';
  return before.stopped
    ? 'The one before it was asked to stop.'
    : 'The one before it had ended without being asked to.';
}
