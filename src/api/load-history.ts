import { type LoadSample, type NodeLoad } from '../contract/load.ts';
import { LOAD_PREFIX } from '../model/keys.ts';
import { LOAD_SAMPLE_PERIOD_MS, type LoadRecord, type NodeLoadSample, unpackSample } from '../model/load.ts';
import type { NodeName, VmName } from '../model/names.ts';
import type { Clock } from '../ports/clock.ts';
import type { ClusterStore, StoreEntry } from '../ports/store.ts';

const KEPT_MS = 10 * 60_000;
/** A node that has not said anything for so long is not shown as busy any more. */
const CURRENT_MS = 30_000;

interface Known {
  samples: NodeLoadSample[];
  vms: Readonly<Record<VmName, number>>;
}

/** What is known of a node's load. */
export interface LoadReader {
  /** All that is kept of it; without samples for a node that has not said anything. */
  ofNode(node: NodeName): NodeLoad;
  /** Null while it is not measured. */
  ofVm(vm: VmName, owner: NodeName | null): number | null;
}

/** The load of all nodes over the last minutes, as they publish it: every node knows all of it. */
export class LoadHistory implements LoadReader {
  readonly #clock: Clock;
  readonly #known = new Map<NodeName, Known>();
  readonly #listeners = new Set<(load: NodeLoad) => void>();
  readonly #end: () => void;

  constructor(store: ClusterStore, clock: Clock) {
    this.#clock = clock;
    const watch = store.watch(LOAD_PREFIX, {
      snapshot: (entries) => {
        for (const entry of entries) this.#hear(entry);
      },
      changes: (entries) => {
        for (const entry of entries) this.#hear(entry);
      },
      silence: () => undefined,
    });
    this.#end = () => watch.close();
  }

  close(): void {
    this.#end();
    this.#listeners.clear();
  }

  ofNode(node: NodeName): NodeLoad {
    const known = this.#known.get(node);
    return viewOf(node, this.#current(known?.samples ?? [], KEPT_MS), this.#vmsOf(known));
  }

  ofVm(vm: VmName, owner: NodeName | null): number | null {
    return owner === null ? null : (this.#vmsOf(this.#known.get(owner))[vm] ?? null);
  }

  /** Of every node that has said something lately, its newest sample. */
  newest(): NodeLoad[] {
    return [...this.#known].flatMap(([node, known]) => {
      const samples = this.#current(known.samples.slice(-1), CURRENT_MS);
      return samples.length === 0 ? [] : [viewOf(node, samples, known.vms)];
    });
  }

  /** Called with what is new; returns a function that ends it. */
  subscribe(listener: (load: NodeLoad) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #hear({ key, value }: StoreEntry): void {
    const node = key.slice(LOAD_PREFIX.length);
    if (value === undefined) {
      this.#known.delete(node);
      return;
    }
    const record = value as LoadRecord;
    const before = this.#known.get(node)?.samples ?? [];
    const lastMs = before.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
    const fresh = record.samples.flatMap((packed) => unpackSample(packed) ?? []).filter(({ atMs }) => atMs > lastMs);
    this.#known.set(node, { samples: this.#current([...before, ...fresh], KEPT_MS), vms: record.vms });
    if (fresh.length === 0) return;
    for (const listener of [...this.#listeners]) listener(viewOf(node, fresh, record.vms));
  }

  #current(samples: NodeLoadSample[], keptMs: number): NodeLoadSample[] {
    const sinceMs = this.#clock.wallMs() - keptMs;
    return samples.filter(({ atMs }) => atMs >= sinceMs);
  }

  #vmsOf(known: Known | undefined): Readonly<Record<VmName, number>> {
    return known === undefined || this.#current(known.samples.slice(-1), CURRENT_MS).length === 0 ? {} : known.vms;
  }
}

function viewOf(node: NodeName, samples: readonly NodeLoadSample[], vms: Readonly<Record<VmName, number>>): NodeLoad {
  return {
    ...{ node, periodMs: LOAD_SAMPLE_PERIOD_MS, samples: samples.map(sampleView) },
    vms: Object.entries(vms).map(([name, cpuPercent]) => ({ name, cpuPercent })),
  };
}

function sampleView({ atMs, ...rest }: NodeLoadSample): LoadSample {
  return { at: new Date(atMs).toISOString(), ...rest };
}
