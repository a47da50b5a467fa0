/** A lab with one guest, and what the tests do to it. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '../../src/client/client.ts';
import { createNodeTransport } from '../../src/client/node-transport.ts';
import { getMigration, migrateVm } from '../../src/contract/migrations.ts';
import { createVm, getVm, startVm } from '../../src/contract/vms.ts';
import { type LabStatus, labDown, labUp } from '../../src/lab/lab.ts';
import type { MigrationPhase } from '../../src/migration/phases.ts';
import type { Receipt } from '../../src/migration/receipt.ts';

export const VM = 'WebServer';
export type NodeName = 'node1' | 'node2';
export type Program = 'agent' | 'qemu' | 'etcd';

export class LabCluster {
  readonly status: LabStatus;
  #client: ReturnType<typeof createClient>;

  constructor(status: LabStatus) {
    this.status = status;
    this.#client = this.clientOf(0);
  }

  static async up(name: string): Promise<LabCluster> {
    await labDown(name);
    return new LabCluster((await labUp({ name, nodes: 2 })).status);
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
    for (let turn = 0; ; turn++) {
      try {
        return await call(this.#client);
      } catch (error) {
        const { code } = error as { code?: string };
        const passing = ['CLUSTER_UNREACHABLE', 'STORE_UNAVAILABLE', 'STORE_OUTCOME_UNKNOWN', 'NODE_UNREACHABLE'];
        if (!passing.includes(code ?? '') || Date.now() > giveUpAt) throw error;
        this.#client = this.clientOf((turn + 1) % 2);
        await sleep(100);
      }
    }
  }

  vm() {
    return this.ask((client) => client.call(getVm, { params: { name: VM } }));
  }

  async createAndStart(): Promise<void> {
    const body = { name: VM, memoryBytes: 256 * 1024 * 1024, cpus: 1, image: 'lab' };
    await this.ask((client) => client.call(createVm, { body }));
    await this.start();
  }

  async start(): Promise<void> {
    await this.ask((client) => client.call(startVm, { params: { name: VM } }));
    await until('the guest answers', () => this.guestAnswers(), 60_000);
  }

  async requestMigration(to: string): Promise<string> {
    const answer = await this.ask((client) => client.call(migrateVm, { params: { name: VM }, body: { to } }));
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

  async migrate(to: string): Promise<Receipt> {
    const receipt = await this.receipt(await this.requestMigration(to), 60_000);
    if (receipt === undefined) throw new Error('the migration did not end');
    return receipt;
  }

  namespace(machine: string): string {
    return `godwit-${this.status.name}-${machine}`;
  }

  /** Process ids of a program on a node; for QEMU only those of the VM. */
  pids(machine: string, program: Program): number[] {
    const text = execFileSync('ip', ['netns', 'pids', this.namespace(machine)], { encoding: 'utf8' });
    return text
      .split('\n')
      .filter(Boolean)
      .map(Number)
      .filter((pid) => isProgram(pid, program));
  }

  qemus(): number {
    return this.pids('node1', 'qemu').length + this.pids('node2', 'qemu').length;
  }

  taps(machine: string): string[] {
    const text = execFileSync('ip', ['-n', this.namespace(machine), '-json', 'link', 'show', 'type', 'tun'], {
      encoding: 'utf8',
    });
    const links = JSON.parse(text.trim() === '' ? '[]' : text) as { ifname?: string }[];
    return links.flatMap(({ ifname }) => (ifname === undefined ? [] : [ifname]));
  }

  kill(machine: string, program: Program): void {
    for (const pid of this.pids(machine, program)) process.kill(pid, 'SIGKILL');
  }

  /** One line from the guest's control port, asked from the client machine. */
  askGuest(line: string): Promise<string> {
    return this.inClient(`exec 3<>/dev/tcp/10.78.0.100/9; echo '${line}' >&3; head -n 1 <&3`);
  }

  async guestAnswers(): Promise<boolean> {
    return (await this.askGuest('status').catch(() => '')).includes(VM);
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

function isProgram(pid: number, program: Program): boolean {
  let words: string[];
  try {
    words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return false;
  }
  const [command = ''] = words;
  if (program === 'qemu')
    return command.includes('qemu-system') && words.some((word) => word.startsWith(`guest=${VM}`));
  if (program === 'etcd') return command.endsWith('/etcd');
  return words.includes('agent') && words.includes('--config') && command.endsWith('node');
}
