/**
 * The rehearsal: QEMU's first look at which memory is dirty, taken ahead of any migration (docs/decisions/0015).
 *
 * Under TCG that look goes page by page, and I/O of the guest stands still meanwhile: 0.1 to 0.2 s for 256 MiB. It is slow for pages that
 * are marked as written since QEMU last looked, which in a new process are all of them. So a transfer is begun to a socket from which
 * nobody reads, at next to no bandwidth, and cancelled as soon as QEMU has looked. A migration that comes later sends everything all the same:
 * it begins with a list of its own on which every page is.
 */
import type { VmDefinition } from '../../model/vm.ts';
import { GIBIBYTE } from '../../model/units.ts';
import type { Clock } from '../../ports/clock.ts';
import type { MigrationStatus } from '../../ports/hypervisor.ts';
import type { Log } from '../../ports/log.ts';
import type { InstancePaths } from './instance-notes.ts';
import { type Ask, setCapabilities, UNDER_WAY } from './migration-channel.ts';
import { type RehearsalNote, readRehearsalNote, writeRehearsalNote } from './rehearsal-note.ts';
import { transferSnapshotOf } from './transfer-figures.ts';
import { listenUnread } from './unread-socket.ts';

export interface DirtyTrackingParts {
  readonly ask: Ask;
  readonly clock: Clock;
  readonly log: Log;
  readonly definition: VmDefinition;
  readonly paths: InstancePaths;
  /** Whether memory is on its way, about to be sent, or awaited. */
  readonly migrates: () => boolean;
}

const POLL_PERIOD_MS = 3;
/** For how long a migration waits before it has the rehearsal cancelled. */
const PATIENCE_MS = 1000;
const CANCEL_TIMEOUT_MS = 500;
const ANSWER_TIMEOUT_MS = 2000;
/** QEMU does not answer while it looks; about twice what was measured. */
const LOOK_MS_PER_GIB = 1500;

/** QEMU grants a tenth in every 100 ms, and takes 0 for no limit. */
const SLOWEST = { 'max-bandwidth': 10, 'downtime-limit': 1, 'tls-creds': '', 'tls-hostname': '' } as const;
/** QEMU's own defaults; a migration sets its own. */
const AFTERWARDS = { 'max-bandwidth': 134_217_728, 'downtime-limit': 300 } as const;

export class DirtyTracking {
  readonly #parts: DirtyTrackingParts;
  #note: RehearsalNote;
  #rehearsal: Promise<void> | null = null;
  #tried = false;
  /** A migration waits: nothing is begun any more. */
  #wanted = false;

  constructor(parts: DirtyTrackingParts) {
    this.#parts = parts;
    this.#note = readRehearsalNote(parts.paths);
  }

  get underWay(): boolean {
    return this.#rehearsal !== null;
  }

  /** Whether what QEMU says of an outgoing transfer is about the rehearsal. */
  get hidesTransfer(): boolean {
    return this.#note === 'begun' || this.#note === 'ended';
  }

  /** See `Instance.prepareDirtyTracking`. */
  async prepare(): Promise<void> {
    const { accelerator, freePageHinting, name } = this.#parts.definition;
    // With hints each beginning of a transfer costs the guest more than is won here.
    if (accelerator !== 'tcg' || freePageHinting || this.#tried || this.#note !== 'none') return;
    if (this.#parts.migrates()) return;
    this.#wanted = false;
    this.#rehearsal ??= this.#rehearse()
      .catch((error: unknown) => {
        this.#parts.log.debug('Dirty tracking was not prepared', { vm: name, error: String(error) });
      })
      .finally(() => {
        this.#rehearsal = null;
      });
    await this.#rehearsal;
  }

  /**
   * Ahead of a migration, whose beginning the caller has noted, so that no rehearsal begins any more. Waits for one that is
   * under way: what QEMU looks at for it, it need not look at again. Throws if QEMU does not get out of it.
   */
  async makeWay(): Promise<void> {
    this.#wanted = true;
    if (this.#rehearsal !== null) {
      const { clock } = this.#parts;
      await Promise.race([this.#rehearsal, clock.sleep(PATIENCE_MS)]);
      // Two may cancel at once: what is over then is over for both.
      if (this.underWay) await this.#cancel().catch(() => undefined);
      await this.#rehearsal;
    }
    await this.settle();
    if (this.#note === 'ended') this.#write('superseded');
  }

  /** Ends what a rehearsal left behind that could not be ended in time, or whose agent died. Throws if QEMU does not get out of it. */
  async settle(): Promise<void> {
    if (this.#note === 'begun' && !this.underWay) await this.#end();
  }

  async #rehearse(): Promise<void> {
    const { ask, paths } = this.#parts;
    const { status } = (await ask('query-status')) as { readonly status?: string };
    // Looked at, rather than remembered from events: a transfer that was not noticed must not be touched.
    if (status !== 'running' || UNDER_WAY.has(await this.#status())) return;
    const close = await listenUnread(paths.rehearsalSocket);
    try {
      if (this.#wanted) return;
      this.#tried = true;
      this.#write('begun');
      try {
        // Without `events`, so that nobody hears of it. Nor can it ever get to the point where the guest would be handed over.
        await setCapabilities(ask, ['pause-before-switchover']);
        await ask('migrate-set-parameters', SLOWEST);
        if (this.#wanted) return;
        await ask('migrate', { uri: `unix:${paths.rehearsalSocket}` });
        await this.#untilLooked();
      } finally {
        await this.#end();
      }
    } finally {
      close();
    }
  }

  /** In the status `setup` QEMU connects and looks. */
  async #untilLooked(): Promise<void> {
    const { clock } = this.#parts;
    const giveUpAtMs = clock.monotonicMs() + this.#answerTimeoutMs();
    while ((await this.#status()) === 'setup' && clock.monotonicMs() < giveUpAtMs) await clock.sleep(POLL_PERIOD_MS);
  }

  async #end(): Promise<void> {
    const { ask } = this.#parts;
    await this.#cancel();
    await setCapabilities(ask, []);
    await ask('migrate-set-parameters', AFTERWARDS);
    // Without any status `migrate` was never taken.
    this.#write((await this.#status()) === 'none' ? 'none' : 'ended');
  }

  /** Throws if the transfer is still under way then. */
  async #cancel(): Promise<void> {
    const { ask } = this.#parts;
    if (!UNDER_WAY.has(await this.#status())) return;
    await ask('migrate_cancel');
    if (await this.#over()) return;
    // Refused if there is nothing to cut any more.
    await ask('yank', { instances: [{ type: 'migration' }] }, { outOfBand: true }).catch(() => undefined);
    if (await this.#over()) return;
    throw new Error('QEMU does not get out of a transfer to nowhere.');
  }

  async #over(): Promise<boolean> {
    const { clock } = this.#parts;
    const giveUpAtMs = clock.monotonicMs() + CANCEL_TIMEOUT_MS;
    while (UNDER_WAY.has(await this.#status())) {
      if (clock.monotonicMs() > giveUpAtMs) return false;
      await clock.sleep(POLL_PERIOD_MS);
    }
    return true;
  }

  async #status(): Promise<MigrationStatus> {
    const reply = await this.#parts.ask('query-migrate', undefined, { deadlineMs: this.#answerTimeoutMs() });
    return transferSnapshotOf(reply).status;
  }

  #answerTimeoutMs(): number {
    return ANSWER_TIMEOUT_MS + (LOOK_MS_PER_GIB * this.#parts.definition.memoryBytes) / GIBIBYTE;
  }

  /** In the file first: what is not there does not count. */
  #write(note: RehearsalNote): void {
    writeRehearsalNote(this.#parts.paths, note);
    this.#note = note;
  }
}
