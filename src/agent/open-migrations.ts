import type { VmEntry } from '../model/cluster-state.ts';
import type { MigrationId } from '../model/names.ts';
import type { AgentPorts } from './agent-ports.ts';
import { isGuarded } from '../failover/proven-quiet.ts';
import { SourceMigration } from './source-migration.ts';

/** Starts the driver of every open migration whose source is this node, once each. */
export class OpenMigrations {
  readonly #ports: AgentPorts;
  readonly #running = new Map<MigrationId, SourceMigration>();
  /** Ended here, but the view may still show the intent for a moment. */
  readonly #ended = new Set<MigrationId>();
  readonly #onEnd: (vm: string) => void;

  constructor(ports: AgentPorts, onEnd: (vm: string) => void) {
    this.#ports = ports;
    this.#onEnd = onEnd;
  }

  /** `agentRestarted`: intents found at start were written while another process had this node. */
  lookAtAll(agentRestarted: boolean): void {
    for (const entry of this.#ports.view.current().vms.values()) this.#look(entry, agentRestarted);
  }

  #look(entry: VmEntry, agentRestarted: boolean): void {
    const { config, instances, log, view } = this.#ports;
    const { intent, record, cancel } = entry;
    if (intent === null || record == null || intent.value.source !== config.node) return;
    const id = intent.value.migrationId;
    const running = this.#running.get(id);
    if (running !== undefined) {
      if (cancel?.value.migrationId === id) running.requestCancel(cancel.value.reason);
      return;
    }
    if (this.#ended.has(id)) return;
    const { definition } = record.value;
    const instance = instances.ofVm(definition.name) ?? null;
    const migration = new SourceMigration(
      { intent, definition, guarded: isGuarded(entry), instance, agentRestarted },
      this.#ports,
    );
    this.#running.set(id, migration);
    log.info('Migration begins', { migration: id, vm: definition.name, destination: intent.value.destination });
    void migration
      .run()
      .catch((error: unknown) => log.error('A migration driver broke', { migration: id, error }))
      .finally(() => {
        this.#running.delete(id);
        // A driver that broke is started again by the next look, as after a restart of the agent.
        if (migration.ended) this.#ended.add(id);
        else if (view.fresh()) this.#ports.clock.after(1000, () => this.lookAtAll(true));
        this.#onEnd(definition.name);
      });
  }
}
