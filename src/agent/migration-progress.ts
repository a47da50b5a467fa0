import { keys } from '../model/keys.ts';
import type { MigrationProgress } from '../migration/migration.ts';
import type { Revision } from '../model/names.ts';
import type { AgentPorts } from './agent-ports.ts';

/** Writes what is shown of an open migration: at most one write on its way, the newest wins, failures do not matter. */
export class MigrationProgressWriter {
  readonly #ports: Pick<AgentPorts, 'store'>;
  readonly #intentRevision: Revision;
  #next: MigrationProgress | null = null;
  #writing = false;

  constructor(ports: Pick<AgentPorts, 'store'>, intentRevision: Revision) {
    this.#ports = ports;
    this.#intentRevision = intentRevision;
  }

  write(progress: MigrationProgress): void {
    this.#next = progress;
    if (!this.#writing) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#writing = true;
    while (this.#next !== null) {
      const value = this.#next;
      this.#next = null;
      // Only beside its intent: a late write must not leave the progress of a migration that has ended.
      await this.#ports.store.transact(
        {
          compare: [{ key: keys.vmIntent(value.vm), modRevision: this.#intentRevision }],
          write: [{ put: keys.migrationProgress(value.id), value }],
        },
        1000,
      );
    }
    this.#writing = false;
  }
}
