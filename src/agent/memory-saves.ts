import { definitionHash } from '../model/definition-hash.ts';
import { GodwitError, toErrorBody } from '../model/errors.ts';
import type { VmName } from '../model/names.ts';
import type { SavedMemory, VmDefinition, VmRecord, VmStatus } from '../model/vm.ts';
import { isoDate } from '../migration/write-receipt.ts';
import type { Instance, MemoryToLoad } from '../ports/hypervisor.ts';
import type { AgentPorts } from './agent-ports.ts';

type SavePorts = Pick<AgentPorts, 'savedMemory' | 'clock' | 'log'>;

interface UnderWay {
  readonly request: string;
  readonly giveUp: (reason: Error) => void;
}

interface Made {
  readonly saved: SavedMemory;
  /** Files that were there before it: none of them is named by the record, if this one comes to be. */
  readonly leftOver: readonly string[];
}

/** A sample misses some. */
const MARGIN = 1.25;

/** Writes the memory of guests to files, and has it loaded, each until a newer request of its VM makes that pointless. */
export class MemorySaves {
  readonly #ports: SavePorts;
  readonly #underWay = new Map<VmName, UnderWay>();
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
    if (found !== undefined && found.request !== (request ?? ''))
      found.giveUp(new Error('Something else was asked for.'));
  }

  /** Of the guest of the record's newest request. Null: it could not be, and may stand still; see {@link failureOf}. */
  async save(instance: Instance, record: VmRecord): Promise<Made | null> {
    const { clock, log } = this.#ports;
    const { name: vm } = record.definition;
    const givenUp = this.#begin(record);
    try {
      const { path, leftOver } = await orGivenUp(this.#prepare(instance, record), givenUp);
      const save = instance.saveMemory(path);
      void givenUp.then((reason) => save.abort(reason));
      const sizeBytes = await save.bytes;
      const savedAt = isoDate(clock.wallMs());
      return { saved: { path, sizeBytes, definitionHash: instance.definitionHash, savedAt }, leftOver };
    } catch (error) {
      log.warn('A VM could not be saved', { vm, error: toErrorBody(error) });
      const { code, message, nextStep } = toErrorBody(error);
      this.#failed.set(vm, { request: requestOf(record), error: { code, message, nextStep } });
      return null;
    } finally {
      this.#underWay.delete(vm);
    }
  }

  /** Until {@link loaded}. */
  toLoad({ path }: SavedMemory, record: VmRecord): MemoryToLoad {
    return { path, givenUp: this.#begin(record) };
  }

  loaded(vm: VmName): void {
    this.#underWay.delete(vm);
  }

  /** Files that no record names any more. Nothing waits for that: their volume may hang. */
  forget(paths: readonly string[]): void {
    const { savedMemory, log } = this.#ports;
    for (const path of paths) {
      savedMemory.remove({ path }).catch((error: unknown) => {
        log.warn('Saved memory that is of no use any more was not removed', { path, error });
      });
    }
  }

  /** The guest still runs: a volume that is full or does not answer must not stop it. */
  async #prepare(instance: Instance, record: VmRecord): Promise<{ path: string; leftOver: readonly string[] }> {
    const { definition } = record;
    const { savedMemory } = this.#ports;
    // Only an estimate: without it, all of its memory.
    const usedBytes = await instance.sampleMemory().then(
      (sample) => sample.usedBytes,
      () => definition.memoryBytes,
    );
    const bytes = Math.min(definition.memoryBytes, Math.ceil(usedBytes * MARGIN));
    const path = await savedMemory.place(definition, { request: requestOf(record), bytes });
    return { path, leftOver: await savedMemory.list(definition) };
  }

  #begin(record: VmRecord): Promise<Error> {
    const { promise, resolve } = Promise.withResolvers<Error>();
    const { name: vm } = record.definition;
    this.#failed.delete(vm);
    this.#underWay.set(vm, { request: requestOf(record), giveUp: resolve });
    return promise;
  }
}

function requestOf({ request }: VmRecord): string {
  return request?.id ?? '';
}

async function orGivenUp<T>(work: Promise<T>, givenUp: Promise<Error>): Promise<T> {
  return await Promise.race([work, givenUp.then((reason) => Promise.reject(reason))]);
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
