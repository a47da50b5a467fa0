/** The pair that is compared: the guest that Godwit moves, and the same machine as bare QEMU processes. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../src/client/client.ts';
import type { VmView } from '../src/contract/vms.ts';
import type { LabStatus } from '../src/lab/lab.ts';
import { MEBIBYTE } from '../src/model/units.ts';
import type { Figures, Scenario, Variant } from './bench-plan.ts';
import { createGodwitVm, deleteGodwitVm, migrateGodwitVm } from './godwit-vm.ts';
import { emptyMemory, fillMemory, type Guest, waitForGuest } from './guest-control.ts';
import { RAW_ADDRESS, RawVm } from './raw-vm.ts';

/** The guests still start this and that when they first answer. */
const SETTLE_MS = 10_000;

interface Pair {
  readonly raw: RawVm;
  /** Another one after the guest was lost. */
  vm: VmView;
  readonly memoryMebibytes: number;
}

export class Guests {
  readonly #status: LabStatus;
  readonly #client: Client;
  #pair: Pair | null = null;
  #fill: Scenario['fill'] = null;

  constructor(status: LabStatus, client: Client) {
    this.#status = status;
    this.#client = client;
  }

  /** Of the lab's client machine. */
  get clientNamespace(): string {
    return this.#status.machines.find((machine) => machine.kind === 'client')?.namespace ?? '';
  }

  get vm(): VmView {
    return this.#running().vm;
  }

  guestOf(variant: Variant): Guest {
    const from = this.clientNamespace;
    if (variant === 'raw') return { name: 'BareServer', address: RAW_ADDRESS, from };
    return { name: this.vm.name, address: this.vm.addresses[0] ?? '', from };
  }

  /** Both as the scenario wants them; those that are there are kept if they have the right memory. */
  async prepare({ memoryMebibytes, fill }: Scenario): Promise<void> {
    if (this.#pair?.memoryMebibytes !== memoryMebibytes) {
      await this.#end();
      const vm = await createGodwitVm(this.#client, memoryMebibytes * MEBIBYTE);
      this.#pair = { vm, raw: await RawVm.create(this.#status, vm), memoryMebibytes };
      this.#fill = null;
      await Promise.all(this.#both().map(waitForGuest));
      await sleep(SETTLE_MS);
    }
    if (this.#fill === fill) return;
    this.#fill = fill;
    await Promise.all(this.#both().map((guest) => this.#setFill(guest)));
  }

  migrate(variant: Variant, budgetMs: number | null): Promise<Figures> {
    if (variant === 'raw') return this.#running().raw.migrate();
    return migrateGodwitVm(this.#client, { encrypted: variant === 'godwit-tls', budgetMs });
  }

  /** A guest that broke on the way must not break the measurements after it. */
  async replace(variant: Variant): Promise<void> {
    const pair = this.#running();
    if (variant === 'raw') {
      await pair.raw.restart();
    } else {
      await deleteGodwitVm(this.#client);
      pair.vm = await createGodwitVm(this.#client, pair.memoryMebibytes * MEBIBYTE);
    }
    await waitForGuest(this.guestOf(variant));
    if (this.#fill !== null) await this.#setFill(this.guestOf(variant));
  }

  #setFill(guest: Guest): Promise<void> {
    return this.#fill === null ? emptyMemory(guest) : fillMemory(guest, this.#fill);
  }

  #both(): Guest[] {
    return [this.guestOf('raw'), this.guestOf('godwit-tls')];
  }

  #running(): Pair {
    if (this.#pair === null) throw new Error('The guests do not run yet.');
    return this.#pair;
  }

  async #end(): Promise<void> {
    if (this.#pair === null) return;
    await this.#pair.raw.end();
    await deleteGodwitVm(this.#client);
    this.#pair = null;
  }
}
