// What surrounds the failover of one agent: guard, control groups, QEMU processes, notes, and the node's authority. All of them write into
// one list what was done, so that a test can say in which order.
import type { Authority, AuthorityChange } from '../../src/agent/node-authority.ts';
import type { NewEvent } from '../../src/model/events.ts';
import type { GuardLink, GuardStatus, VmSlices } from '../../src/ports/guard.ts';
import type {
  Instance,
  InstanceEvent,
  MemorySample,
  MemorySave,
  RunState,
  TransferSnapshot,
} from '../../src/ports/hypervisor.ts';
import type { Log } from '../../src/ports/log.ts';
import type { LocalNotes } from '../../src/ports/notes.ts';
import type { PeerMethod, Peers } from '../../src/ports/peers.ts';

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** What was done, in order. */
export type Done = string[];

export class TestAuthority implements Authority {
  held = true;
  heard = true;
  readonly #listeners: ((change: AuthorityChange) => void)[] = [];

  holds(): boolean {
    return this.held;
  }

  heardByStore(): boolean {
    return this.heard;
  }

  subscribe(listener: (change: AuthorityChange) => void): void {
    this.#listeners.push(listener);
  }

  say(change: AuthorityChange): void {
    this.held = change === 'back';
    for (const listener of this.#listeners) listener(change);
  }
}

export class TestGuard implements GuardLink {
  readonly #done: Done;
  readonly #listeners = new Set<(status: GuardStatus | null) => void>();
  #status: GuardStatus | null = {
    ...{ watchdogMs: 2000, latencyMaxMs: 1, frozen: false, authorityUntilMs: null, guardId: 'g' },
  };
  /** Everything it was told: a time, null, or `end`. */
  readonly told: (number | null | 'end')[] = [];

  constructor(done: Done = []) {
    this.#done = done;
  }

  status(): GuardStatus | null {
    return this.#status;
  }

  subscribe(listener: (status: GuardStatus | null) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** As it answers a moment later. */
  is(change: Partial<GuardStatus> | null): void {
    this.#status = change === null || this.#status === null ? null : { ...this.#status, ...change };
    for (const listener of this.#listeners) listener(this.#status);
  }

  extend(untilMs: number | null): void {
    this.told.push(untilMs);
    this.#done.push('guard extends');
  }

  end(): void {
    this.told.push('end');
    this.#done.push('guard ends');
  }

  goodbye(): Promise<boolean> {
    return Promise.resolve(false);
  }

  close(): void {}
}

export class TestSlices implements VmSlices {
  readonly #done: Done;
  /** Highly available VMs with processes. */
  readonly inGroup = new Set<string>();
  readonly held = new Set<string>();
  /** By the guard. */
  allFrozen = false;
  readonly unkillable = new Set<string>();

  constructor(done: Done = []) {
    this.#done = done;
  }

  groupOf(vm: string, highlyAvailable: boolean): string {
    return `${highlyAvailable ? 'ha-vms' : 'other-vms'}/${vm}`;
  }

  move(pid: number, group: string): void {
    this.#done.push(`${pid} is moved to ${group}`);
  }

  holdFrozen(vm: string): void {
    this.held.add(vm);
    this.#done.push(`${vm} is held`);
  }

  thaw(vm: string): void {
    this.held.delete(vm);
    this.#done.push(`${vm} is thawed`);
  }

  isFrozen(vm: string): boolean {
    return this.inGroup.has(vm) && (this.allFrozen || this.held.has(vm));
  }

  highlyAvailable(): readonly string[] {
    return [...this.inGroup].sort();
  }

  kill(vm: string): Promise<boolean> {
    this.#done.push(`${vm} is killed`);
    return Promise.resolve(this.unkillable.has(vm) ? false : this.inGroup.delete(vm) || true);
  }

  remove(): void {}
}

interface TestInstanceOptions extends Partial<Pick<Instance, 'id' | 'pid' | 'incomingMigration'>> {
  readonly state?: RunState;
  readonly mayHaveRun?: boolean;
}

/** A QEMU that does what it is told at once. */
export class TestInstance {
  readonly id: string;
  readonly pid: number;
  readonly incomingMigration: string | null;
  definitionHash = 'h';
  readonly vm: string;
  readonly #done: Done;
  readonly #listeners = new Set<(event: InstanceEvent) => void>();
  state: RunState;
  mayHaveRun: boolean;
  transferStatus: TransferSnapshot['status'] = 'none';
  alive = true;
  /** Runs ahead of every answer about the run state. */
  beforeRunState: () => void = () => undefined;

  constructor(vm: string, done: Done = [], options: TestInstanceOptions = {}) {
    this.vm = vm;
    this.#done = done;
    this.id = options.id ?? `qemu-${vm}`;
    this.pid = options.pid ?? 4711;
    this.incomingMigration = options.incomingMigration ?? null;
    this.state = options.state ?? 'running';
    this.mayHaveRun = options.mayHaveRun ?? this.incomingMigration === null;
  }

  /** What is not needed here is missing. */
  get asInstance(): Instance {
    return this as unknown as Instance;
  }

  subscribe(listener: (event: InstanceEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async runState(): Promise<RunState> {
    this.beforeRunState();
    return this.state;
  }

  noteMayRun(): void {
    this.mayHaveRun = true;
  }

  async resume(): Promise<number> {
    this.#done.push(`${this.vm} continues`);
    this.state = 'running';
    return 0;
  }

  async announce(): Promise<void> {
    this.#done.push(`${this.vm} is announced`);
  }

  async pause(): Promise<void> {
    this.#done.push(`${this.vm} is paused`);
    if (this.state === 'running') this.state = 'paused';
  }

  async sampleMemory(): Promise<MemorySample> {
    return { usedBytes: 1000, compressedRatio: 1 };
  }

  /** What becomes of it; resolves with the size of the file. */
  whileSaved: (signal: AbortSignal) => Promise<number> = async () => 1000;

  saveMemory(path: string): MemorySave {
    this.#done.push(`${this.vm} is saved to ${path}`);
    this.state = 'paused';
    const wish = new AbortController();
    const bytes = this.whileSaved(wish.signal).then((sizeBytes) => {
      this.state = 'postmigrate';
      return sizeBytes;
    });
    return { bytes, abort: (reason) => wish.abort(reason) };
  }

  async transfer(): Promise<Pick<TransferSnapshot, 'status'>> {
    return { status: this.transferStatus };
  }

  async cancelTransfer(): Promise<void> {
    this.#done.push(`the transfer of ${this.vm} is cancelled`);
    this.transferStatus = 'cancelled';
  }

  async powerDown(): Promise<void> {
    this.#done.push(`${this.vm} is asked to shut down`);
  }

  async reset(): Promise<void> {
    this.#done.push(`${this.vm} is reset`);
  }

  async kill(): Promise<void> {
    this.#done.push(`QEMU of ${this.vm} is killed`);
    this.end();
  }

  end(): void {
    if (!this.alive) return;
    this.alive = false;
    for (const listener of this.#listeners) listener({ kind: 'gone', lastWords: '', atMs: 0 });
  }
}

export class MemoryNotes implements LocalNotes {
  readonly notes = new Map<string, unknown>();
  /** Every note that was written, in order. */
  readonly written: { readonly name: string; readonly value: unknown }[] = [];
  /** As a full disk. */
  failing = false;

  constructor(notes: Readonly<Record<string, unknown>> = {}) {
    for (const [name, value] of Object.entries(notes)) this.notes.set(name, value);
  }

  read(name: string): unknown {
    return this.notes.get(name);
  }

  async write(name: string, value: unknown): Promise<void> {
    if (this.failing) throw new Error('no space left on device');
    this.notes.set(name, value);
    this.written.push({ name, value });
  }
}

export interface PeerCall {
  readonly node: string;
  readonly addresses: readonly string[];
  readonly method: PeerMethod;
  readonly request: unknown;
}

/** Other agents, as `answer` has them. */
export function testPeers(answer: (call: PeerCall) => unknown, calls: PeerCall[] = []): Peers {
  return {
    peer: (node: string, addresses: readonly string[]) => ({
      name: node,
      async call(method: PeerMethod, request: unknown) {
        const call = { node, addresses, method, request };
        calls.push(call);
        return answer(call);
      },
    }),
    serve: async () => undefined,
    close: () => undefined,
  } as unknown as Peers;
}

export function saidEvents(): { readonly said: NewEvent[]; say(event: NewEvent): void } {
  const said: NewEvent[] = [];
  return { said, say: (event) => void said.push(event) };
}
