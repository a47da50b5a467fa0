import type { Revision } from '../src/model/names.ts';
import type { StoreAnswer } from '../src/failover/store-regression.ts';
import { isNewer } from '../src/failover/revision.ts';
import type { SimulatedAgent } from './agent.ts';

const NOTE = 'store-revision';
const NOTE_EVERY_MS = 5000;

interface RevisionNote {
  readonly newest: Revision;
  readonly goneBack: boolean;
}

/** How far the store had come, as src/agent/known-revisions.ts keeps it. */
export class KnownRevisions {
  readonly #agent: SimulatedAgent;
  newest: Revision;
  goneBack: boolean;
  #notedAt = -Infinity;

  constructor(agent: SimulatedAgent) {
    this.#agent = agent;
    const noted = agent.machine.notes.get(NOTE) as RevisionNote | undefined;
    this.newest = noted?.newest ?? '0';
    this.goneBack = noted?.goneBack ?? false;
  }

  /** False: the answer must not be handed on. */
  take(answer: StoreAnswer): boolean {
    if (this.goneBack) return false;
    const { world } = this.#agent;
    const course = world.protocol.judgeStoreAnswer(answer);
    if (course.kind === 'forward') {
      this.#advance(answer.revision);
      return true;
    }
    // Asked again through the log, it says the same: no read is stale here.
    const asked = course.kind === 'doubtful' ? world.protocol.judgeStoreAnswer({ ...answer, through: 'log' }) : course;
    if (asked.kind !== 'gone-back') return false;
    this.goneBack = true;
    this.#agent.say('the store has gone back in time and is not used any more:', asked.reason);
    this.#note();
    if (world.rules.giveUpSeat) this.#agent.machine.stopMember();
    return false;
  }

  #advance(revision: Revision): void {
    if (!isNewer(revision, this.newest)) return;
    this.newest = revision;
    if (this.#agent.machine.mono() - this.#notedAt >= NOTE_EVERY_MS) this.#note();
  }

  #note(): void {
    this.#notedAt = this.#agent.machine.mono();
    this.#agent.machine.notes.set(NOTE, { newest: this.newest, goneBack: this.goneBack } satisfies RevisionNote);
  }
}

/** It does not keep a store that it does not use. */
export function mayKeepStore(notes: ReadonlyMap<string, unknown>): boolean {
  return (notes.get(NOTE) as RevisionNote | undefined)?.goneBack !== true;
}

/** An administrator does on every machine what docs/operating/backup.md says. */
export function forgetRevisions(notes: Map<string, unknown>): void {
  notes.delete(NOTE);
}
