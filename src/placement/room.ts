// What all nodes have left while several VMs are placed one after another: each takes its room before the next one is looked at,
// so no node is overcommitted by a batch. Made for thousands of VMs: what speaks against a node for its equipment is judged
// once per VM and kind of node, and a score takes a few multiplications.
import type { NodeName, VmName } from '../model/names.ts';
import { freeMemoryBytes } from '../model/node.ts';
import {
  EQUAL_SCORE,
  type LoadsWithVm,
  type NodeStanding,
  type ScoreTerm,
  scoreOf,
  scoreTerms,
  tieBreaker,
} from './score.ts';
import { factsReasons, isPossibleOwner, type NodeForPlacement, type PlacementNeeds } from './why-not-place.ts';

export interface Placement {
  readonly node: NodeName;
  /** Lower is better. */
  readonly score: number;
  readonly terms: readonly ScoreTerm[];
  /** Nodes that could have taken it, this one included. */
  readonly candidates: number;
  /** Free on the node before. */
  readonly freeBytes: number;
}

interface Slot {
  readonly node: NodeForPlacement;
  readonly name: NodeName;
  /** Whether it takes VMs at all now. */
  readonly open: boolean;
  /** Nodes with the same equipment have the same one. */
  readonly kind: number;
  readonly capacityBytes: number;
  usedBytes: number;
  cpusTaken: number;
  /** Replaced, never changed: copies share it. */
  groups: ReadonlyMap<string, readonly VmName[]>;
}

const NO_GROUPS: ReadonlyMap<string, readonly VmName[]> = new Map();

export class Room {
  readonly #slots: readonly Slot[];
  /** One node of each kind. */
  readonly #kinds: readonly NodeForPlacement[];

  private constructor(slots: readonly Slot[], kinds: readonly NodeForPlacement[]) {
    this.#slots = slots;
    this.#kinds = kinds;
  }

  static of(nodes: readonly NodeForPlacement[]): Room {
    const kinds = new Map<string, { readonly index: number; readonly node: NodeForPlacement }>();
    const slots = nodes
      .filter((node) => node.facts.role === 'node')
      .map((node) => {
        const equipment = equipmentOf(node);
        const kind = kinds.get(equipment) ?? { index: kinds.size, node };
        kinds.set(equipment, kind);
        return slotOf(node, kind.index);
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    return new Room(
      slots,
      [...kinds.values()].map(({ node }) => node),
    );
  }

  /** A copy in which the node does not exist. */
  without(node: NodeName): Room {
    const slots = this.#slots.filter(({ name }) => name !== node).map((slot) => ({ ...slot }));
    return new Room(slots, this.#kinds);
  }

  /** The best node for the VM and why it; null if none can take it. Takes nothing. */
  best(needs: PlacementNeeds): Placement | null {
    const fits = this.#kinds.map((node) => factsReasons(node.facts, needs).length === 0);
    if (!fits.includes(true)) return null;
    const loads = new Loads(this.#slots);
    let best: { slot: Slot; loads: LoadsWithVm; score: number } | null = null;
    let candidates = 0;
    for (const slot of this.#slots) {
      if (!slot.open || fits[slot.kind] !== true || !hasRoom(slot, needs) || !isAllowed(slot, needs)) continue;
      candidates += 1;
      const withVm = loads.with(slot, needs);
      const score = scoreOf(withVm, standingOf(slot, needs));
      if (best === null || isBetter({ slot, score }, best, needs)) best = { slot, loads: withVm, score };
    }
    if (best === null) return null;
    const { slot, score } = best;
    const terms = scoreTerms(best.loads, standingOf(slot, needs));
    return { node: slot.name, score, terms, candidates, freeBytes: slot.capacityBytes - slot.usedBytes };
  }

  /** The best node, with the VM on it from now on. */
  place(needs: PlacementNeeds): Placement | null {
    const placement = this.best(needs);
    if (placement !== null) this.#take(placement.node, needs);
    return placement;
  }

  #take(node: NodeName, needs: PlacementNeeds): void {
    const slot = this.#slots.find(({ name }) => name === node);
    if (slot === undefined) return;
    slot.usedBytes += extraBytes(slot, needs);
    slot.cpusTaken += needs.definition.cpus;
    const groups = needs.availability?.antiAffinity ?? [];
    if (groups.length === 0) return;
    const changed = new Map(slot.groups);
    for (const group of groups) changed.set(group, [...(changed.get(group) ?? []), needs.definition.name]);
    slot.groups = changed;
  }
}

function equipmentOf({ facts }: NodeForPlacement): string {
  const { accelerator, qemuVersion, cpuModels, machineTypes, switches, volumes, migration } = facts;
  return JSON.stringify([accelerator, qemuVersion, cpuModels, machineTypes, switches, volumes, migration.network]);
}

function slotOf(node: NodeForPlacement, kind: number): Slot {
  const { memory, state } = node;
  return {
    ...{ node, kind, name: node.facts.name, open: state === 'up' && memory !== null },
    capacityBytes: memory?.capacityBytes ?? 0,
    usedBytes: memory === null ? 0 : memory.capacityBytes - freeMemoryBytes(memory),
    cpusTaken: node.cpusTaken ?? 0,
    groups: node.groups ?? NO_GROUPS,
  };
}

/** Less what the node holds for this very VM, e.g. because it was to arrive there. */
function extraBytes(slot: Slot, { definition }: PlacementNeeds): number {
  return definition.memoryBytes - (slot.node.memory?.allocations[definition.name] ?? 0);
}

function hasRoom(slot: Slot, needs: PlacementNeeds): boolean {
  const { memoryBytes } = needs.definition;
  if (needs.memory === 'some-day') return memoryBytes <= slot.capacityBytes;
  const freeBytes = slot.capacityBytes - slot.usedBytes;
  return memoryBytes <= freeBytes || extraBytes(slot, needs) <= freeBytes;
}

function isAllowed(slot: Slot, needs: PlacementNeeds): boolean {
  if (needs.owner?.name === slot.name || !isPossibleOwner(slot.name, needs)) return false;
  if (needs.failedOn?.includes(slot.name) === true) return false;
  const vm = needs.definition.name;
  for (const group of needs.availability?.antiAffinity ?? []) {
    if (slot.groups.get(group)?.some((other) => other !== vm) === true) return false;
  }
  return true;
}

function standingOf(slot: Slot, needs: PlacementNeeds): NodeStanding {
  const preferred = needs.availability?.preferredOwners ?? [];
  const rank = preferred.indexOf(slot.name);
  const preference = preferred.length === 0 ? 'none' : rank < 0 ? 'not-preferred' : rank;
  return { recentFailures: slot.node.recentFailures ?? 0, preference };
}

type Candidate = { readonly slot: Slot; readonly score: number };

function isBetter(candidate: Candidate, best: Candidate, { definition }: PlacementNeeds): boolean {
  if (Math.abs(candidate.score - best.score) > EQUAL_SCORE) return candidate.score < best.score;
  return tieBreaker(definition.name, candidate.slot.name) > tieBreaker(definition.name, best.slot.name);
}

/** Loads of the nodes that take VMs, kept so that "with the VM on this one" needs no second look at the others. */
class Loads {
  readonly #memory = new Sums();
  readonly #cpu = new Sums();

  constructor(slots: readonly Slot[]) {
    for (const slot of slots) {
      if (!slot.open) continue;
      this.#memory.add(memoryLoad(slot, 0));
      this.#cpu.add(cpuLoad(slot, 0));
    }
  }

  with(slot: Slot, needs: PlacementNeeds): LoadsWithVm {
    const memory = { before: memoryLoad(slot, 0), after: memoryLoad(slot, extraBytes(slot, needs)) };
    const cpu = { before: cpuLoad(slot, 0), after: cpuLoad(slot, needs.definition.cpus) };
    return {
      ...{ maxMemory: this.#memory.maxWith(memory), rmsMemory: this.#memory.rmsWith(memory) },
      ...{ maxCpu: this.#cpu.maxWith(cpu), rmsCpu: this.#cpu.rmsWith(cpu) },
    };
  }
}

function memoryLoad(slot: Slot, moreBytes: number): number {
  return slot.capacityBytes === 0 ? 0 : (slot.usedBytes + moreBytes) / slot.capacityBytes;
}

function cpuLoad(slot: Slot, more: number): number {
  return (slot.cpusTaken + more) / Math.max(1, slot.node.facts.cpus);
}

interface LoadChange {
  readonly before: number;
  readonly after: number;
}

class Sums {
  #squares = 0;
  #count = 0;
  #max = 0;

  add(load: number): void {
    this.#squares += load * load;
    this.#count += 1;
    if (load > this.#max) this.#max = load;
  }

  /** A load only grows here, so the highest before stays the highest unless this one passes it. */
  maxWith({ after }: LoadChange): number {
    return after > this.#max ? after : this.#max;
  }

  rmsWith({ before, after }: LoadChange): number {
    return Math.sqrt(Math.max(0, this.#squares - before * before + after * after) / Math.max(1, this.#count));
  }
}
