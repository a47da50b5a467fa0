import { GodwitError } from '../model/errors.ts';
import { definitionHash } from '../model/definition-hash.ts';
import type { MigrationId, VmName } from '../model/names.ts';
import type { Instance, InstanceEvent } from '../ports/hypervisor.ts';
import type { DestinationStatus, PeerHandlers, PeerRequests } from '../ports/peers.ts';
import type { AgentPorts } from './agent-ports.ts';
import type { HeldTraffic } from './held-traffic.ts';

type Prepare = PeerRequests['prepare-destination'];
type Go = PeerRequests['go'];

interface Copy {
  readonly vm: VmName;
  preparing: Promise<Prepare['response']> | null;
  instance: Instance | null;
  loaded: boolean;
  discarded: boolean;
  running: Promise<Go['response']> | null;
  /** Monotonic time at which it was made here. */
  readonly madeAtMs: number;
}

/** How long a copy may be without a visible intent before it counts as left over: the view may lag behind the source's call. */
const ORPHAN_AFTER_MS = 3000;

/**
 * The copies that this node holds for migrations arriving here. This agent is the single arbiter over them: a copy either
 * received GO and runs, or was discarded and never ran. A GO that arrives after the discard finds nothing.
 */
export class DestinationCopies {
  readonly #ports: AgentPorts;
  readonly #traffic: HeldTraffic;
  readonly #copies = new Map<MigrationId, Copy>();

  constructor(ports: AgentPorts, traffic: HeldTraffic) {
    this.#ports = ports;
    this.#traffic = traffic;
    for (const instance of ports.instances.all()) {
      if (instance.incomingMigration === null) continue;
      this.#remember(instance.incomingMigration, instance.vm).instance = instance;
    }
    ports.instances.onEvent((instance, event) => this.#onEvent(instance, event));
  }

  handlers(): Pick<PeerHandlers, 'prepare-destination' | 'destination-status' | 'discard-destination' | 'go'> {
    return {
      'prepare-destination': (request, from) => this.#prepare(request, from),
      'destination-status': async ({ migrationId }) => await this.#status(migrationId),
      'discard-destination': async ({ migrationId, vm }) => await this.#discard(migrationId, vm),
      go: (request) => this.#go(request),
    };
  }

  /** Removes copies whose migration is closed: the source could not reach this node when it gave up. */
  async removeOrphans(): Promise<void> {
    const { view, clock, config, log } = this.#ports;
    if (!view.fresh()) return;
    for (const [migrationId, copy] of this.#copies) {
      const vm = view.current().vms.get(copy.vm);
      if (vm?.intent?.value.migrationId === migrationId) continue;
      if (clock.monotonicMs() - copy.madeAtMs < ORPHAN_AFTER_MS) continue;
      const ours = vm?.owner?.value.node === config.node && copy.instance?.mayHaveRun === true;
      if (!ours && copy.instance?.alive === true) {
        log.warn('A copy whose migration is closed is removed', { migration: migrationId, vm: copy.vm });
        copy.discarded = true;
        await Promise.all([copy.instance.kill(), this.#traffic.abandon(migrationId)]);
      }
      if (!ours || copy.instance?.alive !== true || vm?.intent === null) this.#copies.delete(migrationId);
    }
  }

  #remember(id: MigrationId, vm: VmName): Copy {
    const copy: Copy = {
      ...{ vm, preparing: null, instance: null, loaded: false, discarded: false, running: null },
      madeAtMs: this.#ports.clock.monotonicMs(),
    };
    this.#copies.set(id, copy);
    return copy;
  }

  #onEvent(instance: Instance, event: InstanceEvent): void {
    if (instance.incomingMigration === null || event.kind !== 'migration-status') return;
    const copy = this.#copies.get(instance.incomingMigration);
    if (copy !== undefined && event.status === 'completed') copy.loaded = true;
  }

  async #prepare({ intent, definition, guarded }: Prepare['request'], from: string): Promise<Prepare['response']> {
    const { config } = this.#ports;
    if (from !== intent.source || intent.destination !== config.node) {
      throw refusal(intent.vm, `${from} asked ${config.node} to prepare a migration that is not theirs`);
    }
    if (definitionHash(definition) !== intent.definitionHash) {
      throw refusal(intent.vm, 'the definition is not the one of the migration intent');
    }
    const known = this.#copies.get(intent.migrationId);
    if (known?.discarded === true) throw refusal(intent.vm, 'this migration was given up already');
    if (known?.preparing != null) return await known.preparing;
    if (known !== undefined)
      throw refusal(intent.vm, 'the agent of the destination was restarted; this copy cannot be used');
    const copy = this.#remember(intent.migrationId, intent.vm);
    copy.preparing = this.#startCopy(copy, { intent, definition, guarded });
    return await copy.preparing;
  }

  async #startCopy(copy: Copy, { intent, definition, guarded }: Prepare['request']): Promise<Prepare['response']> {
    const { hypervisor, instances, config } = this.#ports;
    const instance = await hypervisor.start({
      definition,
      definitionHash: intent.definitionHash,
      incomingMigration: intent.migrationId,
      highlyAvailable: guarded,
    });
    instances.add(instance);
    copy.instance = instance;
    if (copy.discarded) {
      await instance.kill();
      throw refusal(intent.vm, 'this migration was given up meanwhile');
    }
    // On a dedicated network only there: memory never takes another way without being told to.
    const addresses = config.migration.network === null ? config.addresses : [config.migration.network.address];
    const [listenAddress = '0.0.0.0'] = addresses;
    const tlsPeer = intent.encrypted ? intent.source : null;
    const { compression, migrationId: id } = intent;
    const [port, traffic] = await Promise.all([
      instance.listenForMigration({ listenAddress, tlsPeer, compression }),
      this.#traffic.open({ id, source: intent.source, instance: instance.id }, definition),
    ]);
    return { addresses, port, ...traffic };
  }

  #isHighlyAvailable(vm: VmName): boolean {
    return this.#ports.view.current().vms.get(vm)?.record?.value.highlyAvailable ?? true;
  }

  async #status(migrationId: MigrationId): Promise<DestinationStatus> {
    const copy = this.#copies.get(migrationId);
    // A copy this process never saw: without a note beside it nobody knows whether it ran.
    if (copy === undefined) return { copy: 'absent', mayHaveRun: true, hasGo: false };
    const { instance } = copy;
    if (instance === null) return { copy: copy.discarded ? 'absent' : 'receiving', mayHaveRun: false, hasGo: false };
    const hasGo = instance.mayHaveRun || copy.running !== null;
    if (!instance.alive) return { copy: copy.discarded ? 'absent' : 'dead', mayHaveRun: hasGo, hasGo };
    if (instance.mayHaveRun && (await this.#runs(instance))) return { copy: 'running', mayHaveRun: true, hasGo: true };
    return { copy: copy.loaded ? 'loaded' : 'receiving', mayHaveRun: instance.mayHaveRun, hasGo };
  }

  /** One that stands still because this node has no authority runs as far as others are concerned. */
  async #runs(instance: Instance): Promise<boolean> {
    return this.#ports.suspended.isSuspended(instance.vm) || (await instance.runState()) === 'running';
  }

  async #discard(migrationId: MigrationId, vm: VmName): Promise<DestinationStatus> {
    const copy = this.#copies.get(migrationId);
    if (copy === undefined) {
      // A prepare that is still on its way must find the note.
      this.#remember(migrationId, vm).discarded = true;
      return { copy: 'absent', mayHaveRun: true, hasGo: false };
    }
    if (copy.running !== null || copy.instance?.mayHaveRun === true) return await this.#status(migrationId);
    copy.discarded = true;
    await Promise.all([copy.instance?.kill(), this.#traffic.abandon(migrationId)]);
    return { copy: 'absent', mayHaveRun: false, hasGo: false };
  }

  /** The hot path: nothing is awaited before `cont` is on its way. */
  #go({ migrationId, vm }: Go['request']): Promise<Go['response']> {
    const receivedAtMs = this.#ports.clock.wallMs();
    const copy = this.#copies.get(migrationId);
    if (copy?.running != null) return copy.running;
    const instance = copy?.instance;
    if (copy === undefined || instance?.alive !== true || copy.discarded) {
      return Promise.reject(refusal(vm, 'GO found no copy here'));
    }
    // GO says that the source never runs it again; the destination's own right is another matter.
    if (this.#isHighlyAvailable(vm) && !this.#ports.authority.holds()) {
      return Promise.reject(refusal(vm, `${this.#ports.config.node} has no authority to run VMs at the moment`));
    }
    instance.noteMayRun();
    const running = instance.resume().then((resumedAtMs) => ({ receivedAtMs, resumedAtMs }));
    copy.running = running;
    running.catch(() => {
      copy.running = null;
    });
    this.#traffic.goGiven(migrationId);
    void running.then(
      () => this.#traffic.guestRuns(migrationId),
      () => undefined,
    );
    return running;
  }
}

function refusal(vm: VmName, what: string): GodwitError {
  return new GodwitError({
    code: 'MIGRATION_FAILED',
    message: `The destination cannot take ${vm}: ${what}.`,
    state: 'No copy runs on the destination.',
    nextStep: 'Look at the receipt of the migration, then try again.',
  });
}
