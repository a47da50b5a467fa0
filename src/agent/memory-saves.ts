import { definitionHash } from '../model/definition-hash.ts';
import { GodwitError, toErrorBody } from '../model/errors.ts';
import type { VmName } from '../model/names.ts';
import type { SavedMemory, VmDefinition, VmRecord, VmStatus } from '../model/vm.ts';
import { isoDate } from '../migration/write-receipt.ts';
import type { Instance, MemorySave } from '../ports/hypervisor.ts';
import type { AgentPorts } from './agent-ports.ts';

type SavePorts = Pick<AgentPorts, 'savedMemory' | 'clock' | 'log'>;

/** Writes the memory of guests to files, each until a newer request of its VM makes that pointless. */
export class MemorySaves {
  readonly #ports: SavePorts;
  readonly #underWay = new Map<VmName, { readonly request: string; readonly save: MemorySave }>();
  readonly #failed = new Map<VmName, { readonly request: string; readonly error: NonNullable<VmStatus['error']> }>();

  constructor(ports: SavePorts) {
    this.#ports = ports;
  }

  /** Why the guest could not be saved for this request. */
  failureOf(vm: VmName, request: string | undefined): VmStatus['error'] {
    const failed = this.#failed.get(vm);
    return failed !== undefined && failed.request === request ? failed.error : null;
  }

  /** Ends what is done for another request than this one. */
  heed(vm: VmName, request: string | undefined): void {
    const found = this.#underWay.get(vm);
    if (found !== undefined && found.request !== request) found.save.abort(new Error('Something else was asked for.'));
  }

  /** Of the guest of the record's newest request. Null: it could not be, and stands still; see {@link failureOf}. */
  async save(instance: Instance, record: VmRecord): Promise<SavedMemory | null> {
    const { savedMemory, clock, log } = this.#ports;
    const { definition } = record;
    const { name: vm } = definition;
    const request = record.request?.id ?? '';
    this.#failed.delete(vm);
    try {
      const path = savedMemory.newPath(definition);
      const save = instance.saveMemory(path);
      this.#underWay.set(vm, { request, save });
      const sizeBytes = await save.bytes;
      const savedAt = isoDate(clock.wallMs());
      return { path, sizeBytes, definitionHash: definitionHash(definition), savedAt };
    } catch (error) {
      log.warn('A VM could not be saved', { vm, error: toErrorBody(error) });
      const { code, message, nextStep } = toErrorBody(error);
      this.#failed.set(vm, { request, error: { code, message, nextStep } });
      return null;
    } finally {
      this.#underWay.delete(vm);
    }
  }

  /** What is no longer needed; nothing depends on that. */
  async tidy(definition: VmDefinition, keep: string | null): Promise<void> {
    try {
      await this.#ports.savedMemory.removeAll(definition, keep);
    } catch (error) {
      this.#ports.log.warn('Saved memory that is of no use any more was not removed', { vm: definition.name, error });
    }
  }
}

/** QEMU would not notice: the guest would, some time later. Throws VM_STATE_UNSUITABLE. */
export function requireSameMachine(definition: VmDefinition, saved: SavedMemory): void {
  if (saved.definitionHash === definitionHash(definition)) return;
  throw new GodwitError({
    code: 'VM_STATE_UNSUITABLE',
    message: `${definition.name} has other hardware now than when it was saved, so it cannot go on from there.`,
    state: 'It is off; its saved memory is kept.',
    nextStep: `Delete the memory with \`godwit vm discard ${definition.name}\`; its next start boots it anew.`,
  });
}
