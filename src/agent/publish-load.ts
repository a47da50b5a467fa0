import { knownNodes } from '../model/cluster-state.ts';
import { loadKey } from '../model/keys.ts';
import { LOAD_SAMPLE_PERIOD_MS, type LoadRecord, packSample } from '../model/load.ts';
import type { NodeLoadMeter, VmProcess } from '../ports/node-load.ts';
import type { AgentPorts } from './agent-ports.ts';

/** Every write goes to every node, so in a large cluster there are fewer. */
const PUBLISH_EVERY_MS = 6000;
const PUBLISH_EVERY_IF_MANY_MS = 10_000;
const MANY_NODES = 32;
const PUBLISH_DEADLINE_MS = 1000;
/** While the store is silent. */
const UNSENT_MAX = 60;

type LoadPorts = Pick<AgentPorts, 'config' | 'store' | 'view' | 'instances' | 'clock' | 'log'> & {
  readonly meter: NodeLoadMeter;
};

/** Measures how busy this node is and says it in the store, best effort: nothing decides by it. Returns a function that ends it. */
export function publishLoad(ports: LoadPorts): () => void {
  const publisher = new LoadPublisher(ports);
  return ports.clock.every(LOAD_SAMPLE_PERIOD_MS, () => void publisher.sample());
}

class LoadPublisher {
  readonly #ports: LoadPorts;
  #unsent: (readonly number[])[] = [];
  #publishedAtMs = Number.NEGATIVE_INFINITY;
  #busy = false;

  constructor(ports: LoadPorts) {
    this.#ports = ports;
  }

  async sample(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    const { meter, clock, log } = this.#ports;
    try {
      const sample = await meter.sampleNode(clock.wallMs());
      if (sample !== null) this.#unsent = [...this.#unsent, packSample(sample)].slice(-UNSENT_MAX);
      if (clock.monotonicMs() - this.#publishedAtMs >= this.#periodMs() && this.#unsent.length > 0)
        await this.#publish();
    } catch (error) {
      log.debug('The load of this node is not known', { error });
    }
    this.#busy = false;
  }

  async #publish(): Promise<void> {
    const { meter, clock, store, config } = this.#ports;
    this.#publishedAtMs = clock.monotonicMs();
    const samples = this.#unsent;
    const record: LoadRecord = { node: config.node, samples, vms: await meter.sampleVms(this.#processes()) };
    const put = { put: loadKey(config.node), value: record };
    const outcome = await store.transact({ compare: [], write: [put] }, PUBLISH_DEADLINE_MS);
    if (outcome.kind === 'applied') this.#unsent = [];
  }

  #periodMs(): number {
    const many = knownNodes(this.#ports.view.current()).length > MANY_NODES;
    // A little less: the clock's ticks are not quite even.
    return (many ? PUBLISH_EVERY_IF_MANY_MS : PUBLISH_EVERY_MS) - LOAD_SAMPLE_PERIOD_MS / 2;
  }

  /** Those that may run here; a copy that arrives is not shown yet. */
  #processes(): VmProcess[] {
    const { view, instances, config } = this.#ports;
    return instances.all().flatMap(({ vm, pid }) => {
      const entry = view.current().vms.get(vm);
      if (entry?.owner?.value.node !== config.node) return [];
      return [{ vm, pid, cpus: entry.record.value.definition.cpus }];
    });
  }
}
