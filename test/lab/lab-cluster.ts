/** A lab with guests, and what the tests do to it. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '../../src/client/client.ts';
import { createNodeTransport } from '../../src/client/node-transport.ts';
import { type EventView, listEvents } from '../../src/contract/events.ts';
import { listNodes, type NodeView } from '../../src/contract/cluster.ts';
import { getMigration, migrateVm } from '../../src/contract/migrations.ts';
import { createVm, getVm, startVm, type VmView } from '../../src/contract/vms.ts';
import { type LabStatus, labDown, labUp } from '../../src/lab/lab.ts';
import type { MigrationPhase } from '../../src/migration/phases.ts';
import type { Receipt } from '../../src/migration/receipt.ts';

export const VM = 'WebServer';
export type NodeName = 'node1' | 'node2';
export type Program = 'agent' | 'guard' | 'qemu' | 'etcd';

export class LabCluster {
  readonly status: LabStatus;
  #client: ReturnType<typeof createClient>;
  #asked = 0;
  readonly #addresses = new Map<string, string>();

  constructor(status: LabStatus) {
    this.status = status;
    this.#client = this.clientOf(0);
  }

  static async up(name: string, nodes = 2, { witness = true } = {}): Promise<LabCluster> {
    await labDown(name);
    return new LabCluster((await labUp({ name, nodes, witness })).status);
  }

  get nodeNames(): string[] {
    return this.status.machines.flatMap(({ kind, name }) => (kind === 'node' ? [name] : []));
  }

  /** From now on this node is asked first: another one may be cut off, and know old things only. */
  askAt(node: string): void {
    this.#asked = this.nodeNames.indexOf(node);
    this.#client = this.clientOf(this.#asked);
  }

  async down(): Promise<void> {
    await labDown(this.status.name);
  }

  clientOf(index: number) {
    const { urls, user, password, caCertificate } = this.status;
    const ca = readFileSync(caCertificate, 'utf8');
    return createClient(createNodeTransport({ url: urls[index] ?? '', user, password, ca }));
  }

  /** Calls whichever node answers: faults take agents down. */
  async ask<T>(call: (client: ReturnType<typeof createClient>) => Promise<T>, withinMs = 20_000): Promise<T> {
    const giveUpAt = Date.now() + withinMs;
    for (;;) {
      try {
        return await call(this.#client);
      } catch (error) {
        const { code } = error as { code?: string };
        const passing = ['CLUSTER_UNREACHABLE', 'STORE_UNAVAILABLE', 'STORE_OUTCOME_UNKNOWN', 'NODE_UNREACHABLE'];
        if (!passing.includes(code ?? '') || Date.now() > giveUpAt) throw error;
        this.#asked = (this.#asked + 1) % this.status.urls.length;
        this.#client = this.clientOf(this.#asked);
        await sleep(100);
      }
    }
  }

  vm(name = VM): Promise<VmView> {
    return this.ask((client) => client.call(getVm, { params: { name } }));
  }

  async ownerOf(name = VM): Promise<string> {
    return (await this.vm(name)).owner ?? '';
  }

  nodes(): Promise<readonly NodeView[]> {
    return this.ask((client) => client.call(listNodes));
  }

  async stateOf(node: string): Promise<NodeView['state'] | undefined> {
    return (await this.nodes()).find(({ name }) => name === node)?.state;
  }

  /** Those that happened at this time or later, in the order in which they happened. */
  async events(since: Date): Promise<EventView[]> {
    const query = { since: since.toISOString(), limit: 1000 };
    const { events } = await this.ask((client) => client.call(listEvents, { query }));
    return events.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  }

  async createAndStart(name = VM): Promise<void> {
    const body = { name, memoryBytes: 256 * 1024 * 1024, cpus: 1, image: 'lab' };
    await this.ask((client) => client.call(createVm, { body }));
    await this.start(name);
  }

  async start(name = VM): Promise<void> {
    await this.ask((client) => client.call(startVm, { params: { name } }));
    await until('the guest answers', () => this.guestAnswers(name), 60_000);
  }

  async requestMigration(to: string, name = VM): Promise<string> {
    const answer = await this.ask((client) => client.call(migrateVm, { params: { name }, body: { to } }));
    return (answer as { migrationId: string }).migrationId;
  }

  /** The receipt, once there is one; undefined if none appears in time. */
  async receipt(id: string, withinMs: number): Promise<Receipt | undefined> {
    const giveUpAt = Date.now() + withinMs;
    while (Date.now() < giveUpAt) {
      const answer = await this.ask((client) => client.call(getMigration, { params: { id } })).catch(() => undefined);
      if (answer?.state === 'ended') return answer.receipt as Receipt;
      await sleep(100);
    }
    return undefined;
  }

  async migrate(to: string, name = VM): Promise<Receipt> {
    const receipt = await this.receipt(await this.requestMigration(to, name), 60_000);
    if (receipt === undefined) throw new Error('the migration did not end');
    return receipt;
  }

  namespace(machine: string): string {
    return `godwit-${this.status.name}-${machine}`;
  }

  /** Process ids of a program on a node; for QEMU only those of the VM. None on a machine that is off. */
  pids(machine: string, program: Program, name = VM): number[] {
    let text: string;
    try {
      text = execFileSync('ip', ['netns', 'pids', this.namespace(machine)], { encoding: 'utf8', stdio: 'pipe' });
    } catch {
      return [];
    }
    return text
      .split('\n')
      .filter(Boolean)
      .map(Number)
      .filter((pid) => isProgram(pid, program, name));
  }

  qemus(name = VM): number {
    return this.nodeNames.flatMap((node) => this.pids(node, 'qemu', name)).length;
  }

  taps(machine: string): string[] {
    const text = execFileSync('ip', ['-n', this.namespace(machine), '-json', 'link', 'show', 'type', 'tun'], {
      encoding: 'utf8',
    });
    const links = JSON.parse(text.trim() === '' ? '[]' : text) as { ifname?: string }[];
    return links.flatMap(({ ifname }) => (ifname === undefined ? [] : [ifname]));
  }

  kill(machine: string, program: Program, name = VM): void {
    for (const pid of this.pids(machine, program, name)) process.kill(pid, 'SIGKILL');
  }

  async addressOf(name: string): Promise<string> {
    const address = this.#addresses.get(name) ?? (await this.vm(name)).addresses[0] ?? '';
    this.#addresses.set(name, address);
    return address;
  }

  /** One line from the guest's control port, asked from the client machine. */
  async askGuest(line: string, name = VM): Promise<string> {
    return this.inClient(`exec 3<>/dev/tcp/${await this.addressOf(name)}/9; echo '${line}' >&3; head -n 1 <&3`);
  }

  async guestAnswers(name = VM): Promise<boolean> {
    return (await this.askGuest('status', name).catch(() => '')).includes(name);
  }

  /** Differs from boot to boot of the guest. Waits until it answers: on a busy machine a guest may be slow. */
  async bootOf(name = VM): Promise<string> {
    await until(`${name} answers`, () => this.guestAnswers(name), 60_000);
    return (JSON.parse(await this.askGuest('status', name)) as { boot: string }).boot;
  }

  inClient(script: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const args = ['netns', 'exec', this.namespace('client'), 'timeout', '3', 'bash', '-c', script];
      const child = spawn('ip', args, { stdio: ['ignore', 'pipe', 'ignore'] });
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
      child.on('close', (code) => (code === 0 ? resolve(text) : reject(new Error(`status ${String(code)}`))));
    });
  }

  agentLog(machine: string): string {
    return join(this.status.directory, 'machines', machine, 'log', 'agent.log');
  }

  /** Resolves as soon as the source's agent says that it entered the phase, or after `withinMs`. */
  async phaseEntered(
    source: string,
    phase: MigrationPhase,
    options: { from: number; withinMs: number },
  ): Promise<boolean> {
    const file = openSync(this.agentLog(source), 'r');
    const buffer = Buffer.alloc(64 * 1024);
    let position = options.from;
    let text = '';
    const giveUpAt = Date.now() + options.withinMs;
    try {
      while (Date.now() < giveUpAt) {
        const length = readSync(file, buffer, 0, buffer.length, position);
        position += length;
        text += buffer.toString('utf8', 0, length);
        if (text.includes(`"phase":"${phase}"`)) return true;
        await sleep(1);
      }
      return false;
    } finally {
      closeSync(file);
    }
  }

  logSize(machine: string): number {
    return statSync(this.agentLog(machine)).size;
  }
}

export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
  const giveUpAt = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > giveUpAt) throw new Error(`Not within ${withinMs} ms: ${what}`);
    await sleep(100);
  }
}

function isProgram(pid: number, program: Program, vm: string): boolean {
  let words: string[];
  try {
    words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return false;
  }
  const [command = ''] = words;
  if (program === 'qemu')
    return command.includes('qemu-system') && words.some((word) => word.startsWith(`guest=${vm},`));
  if (program === 'etcd') return command.endsWith('/etcd');
  if (program === 'guard') return command.endsWith('node') && words.some((word) => word.endsWith('/guard/main.ts'));
  return words.includes('agent') && words.includes('--config') && command.endsWith('node');
}
