import { judgeStoreAnswer } from '../failover/store-regression.ts';
import { isNewer } from '../failover/revision.ts';
import { GodwitError } from '../model/errors.ts';
import type { Revision } from '../model/names.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { LocalNotes } from '../ports/notes.ts';
import type { AnsweredRevision, StoreHistory } from '../ports/store-history.ts';

/** Note `store-revision`: how far the store had come. Who restores it on purpose moves this note away (docs/operating/backup.md). */
interface RevisionNote {
  /** Another cluster's store has revisions of its own. */
  readonly cluster: string;
  readonly newest: Revision;
  /** Why the store must not be used any more; null: it may. */
  readonly goneBack: string | null;
}

interface KnownRevisionsInput {
  /** By which the cluster is known: the fingerprint of its certificate authority. */
  readonly cluster: string;
  readonly notes: LocalNotes;
  readonly clock: Clock;
  readonly log: Log;
}

const NOTE = 'store-revision';
/** Each one is a flush of the disk that the database uses as well. */
const NOTE_EVERY_MS = 5000;

/**
 * The newest revision of the store that this machine has seen, also before a restart of its agent. Once the store has gone back
 * behind it, that is so until somebody moves the note away: what the store says then is no longer what runs.
 */
export class KnownRevisions implements StoreHistory {
  readonly #input: KnownRevisionsInput;
  #newest: Revision = '0';
  /** Why, as it is noted. */
  #reason: string | null = null;
  #goneBack: GodwitError | null = null;
  #noteIsDue = false;
  #onGoneBack: () => void = () => undefined;

  constructor(input: KnownRevisionsInput) {
    this.#input = input;
    const noted = input.notes.read(NOTE);
    if (!isNote(noted) || noted.cluster !== input.cluster) return;
    this.#newest = noted.newest;
    if (noted.goneBack !== null) this.#refuse(noted.goneBack);
  }

  newest(): Revision {
    return this.#newest;
  }

  goneBack(): GodwitError | null {
    return this.#goneBack;
  }

  /** Calls it at once where that is known already. */
  whenGoneBack(act: () => void): void {
    this.#onGoneBack = act;
    if (this.#goneBack !== null) act();
  }

  take(answer: AnsweredRevision): 'believe' | 'ask-again' | 'refuse' {
    if (this.#goneBack !== null) return 'refuse';
    const course = judgeStoreAnswer(answer);
    switch (course.kind) {
      case 'forward':
        this.#advance(answer.revision);
        return 'believe';
      case 'doubtful':
        this.#input.log.warn('A read of the database is not believed, and asked again', { reason: course.reason });
        return 'ask-again';
      case 'gone-back':
        this.#refuse(course.reason);
        void this.#note();
        this.#onGoneBack();
        return 'refuse';
    }
  }

  #advance(revision: Revision): void {
    if (!isNewer(revision, this.#newest)) return;
    this.#newest = revision;
    if (this.#noteIsDue) return;
    this.#noteIsDue = true;
    this.#input.clock.after(NOTE_EVERY_MS, () => {
      this.#noteIsDue = false;
      if (this.#goneBack === null) void this.#note();
    });
  }

  #refuse(reason: string): void {
    this.#reason = reason;
    this.#goneBack = goneBackError(reason);
    this.#input.log.error(
      'The database has gone back in time, as if it had been set back to an old copy; this node does not use it any more',
      { reason, nextStep: this.#goneBack.nextStep },
    );
  }

  /** One that fails is made up for by the next; that the store has gone back is written until it is on the disk. */
  async #note(): Promise<void> {
    const { cluster, notes, clock, log } = this.#input;
    const note: RevisionNote = { cluster, newest: this.#newest, goneBack: this.#reason };
    await notes.write(NOTE, note).catch((error: unknown) => {
      log.warn("The database's revision cannot be noted on disk", { error });
      if (this.#goneBack !== null) clock.after(NOTE_EVERY_MS, () => void this.#note());
    });
  }
}

function isNote(noted: unknown): noted is RevisionNote {
  const { cluster, newest, goneBack } = (noted ?? {}) as Partial<RevisionNote>;
  if (typeof cluster !== 'string' || typeof newest !== 'string') return false;
  return /^\d+$/.test(newest) && (goneBack === null || typeof goneBack === 'string');
}

function goneBackError(reason: string): GodwitError {
  return new GodwitError({
    code: 'STORE_UNAVAILABLE',
    message: `The cluster's database has gone back in time, as if it had been set back to an old copy: ${reason}.`,
    state:
      'This node does not use it any more. Its VMs go on while enough nodes promise; nothing is changed, started or brought back.',
    nextStep:
      'See `godwit cluster status` on the other nodes. If they use the database, only this node is wrong: evict it and let it join anew. If none does, restore the database with all machines off, as docs/operating/backup.md says.',
  });
}
