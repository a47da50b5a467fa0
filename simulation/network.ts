import type { Engine } from './engine.ts';
import type { SeededRandom } from './random.ts';

/** The store and the agents talk over the first; the agents also over the second. */
export const NETWORKS = ['cluster', 'client'] as const;
export type NetworkName = (typeof NETWORKS)[number];

/**
 * Directed links between machines, one per network: latency, loss, one-way cuts, and clogs that hold everything back and let it go
 * at their end.
 */
export class Network {
  readonly #engine: Engine;
  readonly #random: SeededRandom;
  readonly #size: number;
  /** Number of cuts that overlap, by network, from, to. */
  readonly #cuts: Int16Array;
  readonly #cloggedUntil: Float64Array;
  readonly #extraMs: Float64Array;
  /** One way, between any two machines, on average. */
  baseMs = 0.4;
  /** Of messages that are not lost to a cut, as long as a fault says so. */
  lossRate = 0;

  constructor(engine: Engine, random: SeededRandom, size: number) {
    this.#engine = engine;
    this.#random = random;
    this.#size = size;
    this.#cuts = new Int16Array(size * size * NETWORKS.length);
    this.#cloggedUntil = new Float64Array(size * size * NETWORKS.length);
    this.#extraMs = new Float64Array(size);
  }

  /** A machine behind a slow line: milliseconds more on each way. */
  setDistance(machine: number, extraMs: number): void {
    this.#extraMs[machine] = extraMs;
  }

  cut(from: number, to: number, network: NetworkName): void {
    const link = this.#link(from, to, network);
    this.#cuts[link] = (this.#cuts[link] ?? 0) + 1;
  }

  mend(from: number, to: number, network: NetworkName): void {
    const link = this.#link(from, to, network);
    this.#cuts[link] = Math.max(0, (this.#cuts[link] ?? 0) - 1);
  }

  mendAll(): void {
    this.#cuts.fill(0);
    this.#cloggedUntil.fill(0);
    this.lossRate = 0;
  }

  clog(from: number, to: number, until: number): void {
    for (const network of NETWORKS) this.#cloggedUntil[this.#link(from, to, network)] = until;
  }

  passes(from: number, to: number, network: NetworkName): boolean {
    return from === to || this.#cuts[this.#link(from, to, network)] === 0;
  }

  /** There and back on the network of the store. */
  bothWays(a: number, b: number): boolean {
    return this.passes(a, b, 'cluster') && this.passes(b, a, 'cluster');
  }

  /** One way, in milliseconds, with what a clog adds. */
  delay(from: number, to: number): number {
    if (from === to) return 0.05;
    const clog = (this.#cloggedUntil[this.#link(from, to, 'cluster')] ?? 0) - this.#engine.now;
    const distance = (this.#extraMs[from] ?? 0) + (this.#extraMs[to] ?? 0);
    return this.baseMs * (0.5 + this.#random.unit()) + distance + (clog > 0 ? clog : 0);
  }

  /** Over every network that passes; so a message may come twice, late, or never. */
  send(from: number, to: number, deliver: () => void): void {
    for (const network of NETWORKS) {
      if (!this.passes(from, to, network)) continue;
      if (this.lossRate > 0 && this.#random.chance(this.lossRate)) continue;
      const clog = (this.#cloggedUntil[this.#link(from, to, network)] ?? 0) - this.#engine.now;
      const distance = (this.#extraMs[from] ?? 0) + (this.#extraMs[to] ?? 0);
      const delay = this.baseMs * (0.5 + this.#random.unit()) + distance + (clog > 0 ? clog : 0);
      this.#engine.after(delay, deliver);
    }
  }

  #link(from: number, to: number, network: NetworkName): number {
    return ((network === 'cluster' ? 0 : 1) * this.#size + from) * this.#size + to;
  }
}
