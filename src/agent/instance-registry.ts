import type { MigrationId, VmName } from '../model/names.ts';
import type { Instance, InstanceEvent } from '../ports/hypervisor.ts';

/** The QEMU processes on this node, and the last words of those that ended. */
export interface InstanceRegistry {
  add(instance: Instance): void;
  /** The copy of a VM that may run here: cold-started, or arrived and told to run. */
  ofVm(vm: VmName): Instance | undefined;
  /** The copy that receives, or received, this migration. */
  ofMigration(id: MigrationId): Instance | undefined;
  all(): readonly Instance[];
  /** What QEMU wrote last before the VM's latest process ended; empty if none did. */
  lastWords(vm: VmName): string;
  /** Called for every instance, those that are there already as well. */
  onAdded(listener: (instance: Instance) => void): void;
  /** Called for every event of every instance. */
  onEvent(listener: (instance: Instance, event: InstanceEvent) => void): void;
}

export function createInstanceRegistry(): InstanceRegistry {
  const instances = new Map<string, Instance>();
  const lastWords = new Map<VmName, string>();
  const listeners: ((instance: Instance, event: InstanceEvent) => void)[] = [];
  const added: ((instance: Instance) => void)[] = [];
  const alive = () => [...instances.values()].filter((instance) => instance.alive);
  return {
    add(instance) {
      instances.set(instance.id, instance);
      instance.subscribe((event) => {
        if (event.kind === 'gone') {
          instances.delete(instance.id);
          lastWords.set(instance.vm, event.lastWords);
        }
        for (const listener of listeners) listener(instance, event);
      });
      for (const listener of added) listener(instance);
    },
    ofVm: (vm) => alive().find((one) => one.vm === vm && (one.incomingMigration === null || one.mayHaveRun)),
    ofMigration: (id) => alive().find((one) => one.incomingMigration === id),
    all: alive,
    lastWords: (vm) => lastWords.get(vm) ?? '',
    onAdded(listener) {
      added.push(listener);
      for (const instance of alive()) listener(instance);
    },
    onEvent: (listener) => listeners.push(listener),
  };
}
