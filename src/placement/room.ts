// What all nodes have left while several VMs are placed one after another: each takes its room before the next one is looked at,
// so no node is overcommitted by a batch. Made for thousands of VMs: what speaks against a node for its equipment is judged
// once per VM and kind of node, loads are kept up to date, and a score takes some multiplications and no memory.
import type { NodeName, VmName } from '../model/names.ts';
import { freeMemoryBytes, type NodeState } from '../model/node.ts';
import {
  EQUAL_SCORE,
  type LoadsWithVm,
  loadsCost,
  type NodeStanding,
  type ScoreTerm,
  scoreTerms,
  standingCost,
  tieBreaker,
} from './score.ts';
import {
  factsReasons,
  isPossibleOwner,
  type NodeForPlacement,
  type Obstacle,
  type PlacementNeeds,
} from './why-not-place.ts';

export interface Placement {
  readonly node: NodeName;
  /** Lower is better. */
  readonly score: number;
  /** What it is made of; worked out when it is asked for. */
  readonly terms: () => readonly ScoreTerm[];
  /** Nodes that could have taken it, this one included. */
  readonly candidates: number;
  /** Free on the node before, and whether no other candidate had more. */
  readonly freeBytes: number;
  readonly mostFree: boolean;
}

export interface NodeObstacles {
  readonly node: NodeName;
  readonly state: NodeState;
  /** Each kind once. */
  readonly obstacles: readonly Obstacle[];
}

interface Slot {
  readonly node: NodeForPlacement;
  readonly name: NodeName;
  /** Whether it takes VMs at all now. */
  readonly open: boolean;
  /** Nodes with the same equipment have the same one. */
  readonly kind: number;
  readonly capacityBytes: number;
  readonly cpus: number;
  usedBytes: number;
  cpusTaken: number;
  /** Replaced, never changed: copies share it. */
  groups: ReadonlyMap<string, readonly VmName[]>;
}

const NO_GROUPS: ReadonlyMap<string, readonly VmName[]> = new Map();

/** What is the same for all rooms of one cluster. */
interface Equipment {
  /** One node of each kind. */
  readonly kinds: readonly NodeForPlacement[];
  /** Nodes that hold memory for a VM. */
  readonly holders: ReadonlyMap<VmName, readonly NodeName[]>;
}

export class Room {
  readonly #slots: readonly Slot[];
  readonly #equipment: Equipment;
  readonly #memory = new Loads();
  readonly #cpu = new Loads();

  private constructor(slots: readonly Slot[], equipment: Equipment) {
    this.#slots = slots;
    this.#equipment = equipment;
    for (const slot of slots) {
      if (!slot.open) continue;
      this.#memory.add(memoryLoad(slot, 0));
      this.#cpu.add(cpuLoad(slot, 0));
    }
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
    return new Room(slots, { kinds: [...kinds.values()].map(({ node }) => node), holders: holdersOf(nodes) });
  }

  /** A copy in which the node does not exist. */
  without(node: NodeName): Room {
    const slots = this.#slots.filter(({ name }) => name !== node).map((slot) => ({ ...slot }));
    return new Room(slots, this.#equipment);
  }

  /** The best node for the VM and why it; null if none can take it. Takes nothing. */
  best(needs: PlacementNeeds): Placement | null {
    const found = this.#find(needs);
    if (found === null) return null;
    const { slot, score, candidates, mostFreeBytes } = found;
    const loads = this.#loadsWith(slot, needs, { ...NO_LOADS });
    return {
      ...{ node: slot.name, score, candidates, freeBytes: freeBytesOf(slot) },
      mostFree: freeBytesOf(slot) >= mostFreeBytes,
      terms: () => scoreTerms(loads, standingOf(slot, needs)),
    };
  }

  /** The best node, with the VM on it from now on. */
  place(needs: PlacementNeeds): Placement | null {
    const placement = this.best(needs);
    if (placement !== null) this.#take(placement.node, needs);
    return placement;
  }

  /** What speaks against each node now; none has nothing, where no node can take the VM. By name, without the VM's owner. */
  obstacles(needs: PlacementNeeds): NodeObstacles[] {
    const ofKind = this.#equipment.kinds.map(({ facts }) => factsReasons(facts, needs).map(({ obstacle }) => obstacle));
    return this.#slots.flatMap((slot) => {
      const { name, node } = slot;
      if (needs.owner?.name === name) return [];
      const found: Obstacle[] = [...(node.state === 'up' ? [] : (['state'] as const)), ...(ofKind[slot.kind] ?? [])];
      if (node.memory === null || !this.#hasRoom(slot, needs)) found.push('memory');
      if (!isPossibleOwner(name, needs)) found.push('possible-owners');
      if (!isApart(slot, needs)) found.push('anti-affinity');
      if (needs.failedOn?.includes(name) === true) found.push('failed-there');
      return [{ node: name, state: node.state, obstacles: [...new Set(found)] }];
    });
  }

  #find(needs: PlacementNeeds): (Candidate & { readonly candidates: number; readonly mostFreeBytes: number }) | null {
    const fits = this.#equipment.kinds.map((node) => factsReasons(node.facts, needs).length === 0);
    if (!fits.includes(true)) return null;
    const loads = { ...NO_LOADS };
    let best: Slot | null = null;
    let bestScore = 0;
    let candidates = 0;
    let mostFreeBytes = 0;
    for (const slot of this.#slots) {
      if (!slot.open || fits[slot.kind] !== true || !this.#hasRoom(slot, needs) || !isAllowed(slot, needs)) continue;
      candidates += 1;
      mostFreeBytes = Math.max(mostFreeBytes, freeBytesOf(slot));
      const score = loadsCost(this.#loadsWith(slot, needs, loads)) + standingCost(standingOf(slot, needs));
      if (best !== null && !isBetter({ slot, score }, { slot: best, score: bestScore }, needs)) continue;
      best = slot;
      bestScore = score;
    }
    return best === null ? null : { slot: best, score: bestScore, candidates, mostFreeBytes };
  }

  #take(node: NodeName, needs: PlacementNeeds): void {
    const slot = this.#slots.find(({ name }) => name === node);
    if (slot === undefined) return;
    const { memory, cpus } = { memory: memoryLoad(slot, 0), cpus: cpuLoad(slot, 0) };
    slot.usedBytes += this.#extraBytes(slot, needs);
    slot.cpusTaken += needs.definition.cpus;
    this.#memory.change(memory, memoryLoad(slot, 0));
    this.#cpu.change(cpus, cpuLoad(slot, 0));
    const groups = needs.availability?.antiAffinity ?? [];
    if (groups.length === 0) return;
    const changed = new Map(slot.groups);
    for (const group of groups) changed.set(group, [...(changed.get(group) ?? []), needs.definition.name]);
    slot.groups = changed;
  }

  /** Less what the node holds for this very VM, e.g. because it was to arrive there. */
  #extraBytes(slot: Slot, { definition }: PlacementNeeds): number {
    const { name, memoryBytes } = definition;
    if (this.#equipment.holders.get(name)?.includes(slot.name) !== true) return memoryBytes;
    return memoryBytes - (slot.node.memory?.allocations[name] ?? 0);
  }

  #hasRoom(slot: Slot, needs: PlacementNeeds): boolean {
    const { memoryBytes } = needs.definition;
    if (needs.memory === 'some-day') return memoryBytes <= slot.capacityBytes;
    const freeBytes = freeBytesOf(slot);
    return memoryBytes <= freeBytes || this.#extraBytes(slot, needs) <= freeBytes;
  }

  /** Written into `loads`, so that thousands of candidates need one of them. */
  #loadsWith(slot: Slot, needs: PlacementNeeds, loads: Writable<LoadsWithVm>): LoadsWithVm {
    const memory = memoryLoad(slot, this.#extraBytes(slot, needs));
    const cpu = cpuLoad(slot, needs.definition.cpus);
    loads.maxMemory = this.#memory.maxWith(memory);
    loads.rmsMemory = this.#memory.rmsWith(memoryLoad(slot, 0), memory);
    loads.maxCpu = this.#cpu.maxWith(cpu);
    loads.rmsCpu = this.#cpu.rmsWith(cpuLoad(slot, 0), cpu);
    return loads;
  }
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const NO_LOADS: LoadsWithVm = { maxMemory: 0, rmsMemory: 0, maxCpu: 0, rmsCpu: 0 };

function equipmentOf({ facts }: NodeForPlacement): string {
  const { accelerator, qemuVersion, cpuModels, machineTypes, switches, volumes, migration } = facts;
  return JSON.stringify([accelerator, qemuVersion, cpuModels, machineTypes, switches, volumes, migration.network]);
}

function holdersOf(nodes: readonly NodeForPlacement[]): ReadonlyMap<VmName, readonly NodeName[]> {
  const holders = new Map<VmName, NodeName[]>();
  for (const { facts, memory } of nodes) {
    for (const vm of Object.keys(memory?.allocations ?? {})) {
      const there = holders.get(vm);
      if (there === undefined) holders.set(vm, [facts.name]);
      else there.push(facts.name);
    }
  }
  return holders;
}

function slotOf(node: NodeForPlacement, kind: number): Slot {
  const { memory, state, facts } = node;
  return {
    ...{ node, kind, name: facts.name, open: state === 'up' && memory !== null },
    ...{ capacityBytes: memory?.capacityBytes ?? 0, cpus: Math.max(1, facts.cpus) },
    usedBytes: memory === null ? 0 : memory.capacityBytes - freeMemoryBytes(memory),
    cpusTaken: node.cpusTaken ?? 0,
    groups: node.groups ?? NO_GROUPS,
  };
}

function isAllowed(slot: Slot, needs: PlacementNeeds): boolean {
  if (needs.owner?.name === slot.name || !isPossibleOwner(slot.name, needs)) return false;
  return needs.failedOn?.includes(slot.name) !== true && isApart(slot, needs);
}

function isApart(slot: Slot, { availability, definition }: PlacementNeeds): boolean {
  for (const group of availability?.antiAffinity ?? []) {
    if (slot.groups.get(group)?.some((other) => other !== definition.name) === true) return false;
  }
  return true;
}

const NEUTRAL: NodeStanding = { recentFailures: 0, preference: 'none' };

function standingOf({ node, name }: Slot, { availability }: PlacementNeeds): NodeStanding {
  const preferred = availability?.preferredOwners ?? [];
  const recentFailures = node.recentFailures ?? 0;
  if (preferred.length === 0) return recentFailures === 0 ? NEUTRAL : { recentFailures, preference: 'none' };
  const rank = preferred.indexOf(name);
  return { recentFailures, preference: rank < 0 ? 'not-preferred' : rank };
}

type Candidate = { readonly slot: Slot; readonly score: number };

function isBetter(candidate: Candidate, best: Candidate, { definition }: PlacementNeeds): boolean {
  if (Math.abs(candidate.score - best.score) > EQUAL_SCORE) return candidate.score < best.score;
  return tieBreaker(definition.name, candidate.slot.name) > tieBreaker(definition.name, best.slot.name);
}

function freeBytesOf(slot: Slot): number {
  return slot.capacityBytes - slot.usedBytes;
}

function memoryLoad(slot: Slot, moreBytes: number): number {
  return slot.capacityBytes === 0 ? 0 : (slot.usedBytes + moreBytes) / slot.capacityBytes;
}

function cpuLoad(slot: Slot, more: number): number {
  return (slot.cpusTaken + more) / slot.cpus;
}

/** Of all nodes that take VMs, so that "with the VM on this one" needs no second look at the others. A load only grows here. */
class Loads {
  #squares = 0;
  #count = 0;
  #max = 0;

  add(load: number): void {
    this.#count += 1;
    this.change(0, load);
  }

  change(before: number, after: number): void {
    this.#squares += after * after - before * before;
    if (after > this.#max) this.#max = after;
  }

  maxWith(after: number): number {
    return after > this.#max ? after : this.#max;
  }

  rmsWith(before: number, after: number): number {
    return Math.sqrt(Math.max(0, this.#squares - before * before + after * after) / Math.max(1, this.#count));
  }
}
