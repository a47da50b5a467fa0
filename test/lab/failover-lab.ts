/** A lab with highly available VMs, watched all the time, and what the tests of the failover do to it. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { getCluster } from '../../src/contract/cluster.ts';
import type { EventKind } from '../../src/model/events.ts';
import { machineCgroup } from '../../src/lab/cgroups.ts';
import { labPaths } from '../../src/lab/lab-state.ts';
import { initPid } from '../../src/lab/machines.ts';
import { CopyWatch } from './copy-watch.ts';
import { LabCluster, until, VM } from './lab-cluster.ts';

/** Longer than anything takes on a busy machine. */
export const PATIENCE_MS = 90_000;

const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

interface Size {
  readonly nodes: number;
  /** True by default: none where there are three nodes or more. */
  readonly witness?: boolean;
  readonly vms: readonly string[];
}

export class FailoverLab {
  readonly lab: LabCluster;
  readonly name: string;
  readonly vms: readonly string[];
  readonly #watch: CopyWatch;
  /** Why it was given up. */
  #sick: string | null = null;

  private constructor(lab: LabCluster, vms: readonly string[]) {
    this.lab = lab;
    this.name = lab.status.name;
    this.vms = vms;
    this.#watch = new CopyWatch(this.name);
  }

  static async up(name: string, { nodes, witness = true, vms }: Size): Promise<FailoverLab> {
    const lab = await LabCluster.up(name, nodes, { witness });
    const made = new FailoverLab(lab, vms);
    for (const vm of vms) await lab.createAndStart(vm);
    return made;
  }

  async down(): Promise<void> {
    this.#watch.end();
    await this.lab.down();
  }

  /**
   * All nodes are back, the store is whole, and every VM runs once and answers. Once it was waited for in vain it is not waited for
   * again: one failure must not cost the time of all tests that come after it.
   */
  async healthy(): Promise<void> {
    if (this.#sick !== null) throw new Error(`The cluster has not been healthy since an earlier test. ${this.#sick}`);
    try {
      await this.#untilHealthy();
    } catch (error) {
      this.#sick = String(error);
      await this.#printState().catch((unreadable: unknown) => console.error(unreadable));
      throw error;
    }
  }

  async #untilHealthy(): Promise<void> {
    await until('all nodes are members', () => this.#allAreMembers(), PATIENCE_MS);
    await until('the store is whole', () => this.isWhole(), PATIENCE_MS);
    for (const vm of this.vms) {
      await until(`${vm} is at rest`, () => this.#atRest(vm), PATIENCE_MS);
      await until(`${vm} answers`, () => this.lab.guestAnswers(vm), PATIENCE_MS);
    }
  }

  /** What somebody needs who has only the log of the tests. */
  async #printState(): Promise<void> {
    const vms = await Promise.all(this.vms.map((vm) => this.lab.vm(vm)));
    console.error(
      [
        ...(await this.lab.nodes()).map(({ name, state }) => `${name}: ${state}`),
        ...vms.map(
          ({ name, state, owner, migration }) => `${name}: ${state} on ${owner}, ${migration?.phase ?? 'not moving'}`,
        ),
        ...(await this.lab.events(new Date(0)))
          .slice(-60)
          .map(({ at, by, text, reason }) => `${at} ${by}: ${text} ${reason}`),
        ...this.lab.nodeNames.flatMap((node) => [
          `${node}, last lines of its guard and its agent:`,
          ...lastLines(this.guardLog(node), 10),
          ...lastLines(read(labPaths.agentLog(this.name, node)), 30),
        ]),
      ].join('\n'),
    );
  }

  async #allAreMembers(): Promise<boolean> {
    const nodes = await this.lab.nodes();
    return nodes.every(({ role, state }) => role === 'witness' || state === 'up' || state === 'quarantined');
  }

  /** Every member of the store is well, and every node has its right to run VMs from it. */
  async isWhole(): Promise<boolean> {
    const { quorum, fencing } = await this.lab.ask((client) => client.call(getCluster));
    return quorum.healthy === quorum.total && fencing.every(({ authority }) => authority === 'held');
  }

  async #atRest(vm: string): Promise<boolean> {
    const { state, migration } = await this.lab.vm(vm);
    return state === 'running' && migration === null && this.lab.qemus(vm) === 1;
  }

  /** What must hold whatever has happened: no VM has run twice, and no guest has found another writer on its disk. */
  async checkCopies(): Promise<void> {
    const { seen, looks } = await this.#watch.seen();
    expect(seen).toEqual([]);
    expect(looks, 'the watch looks').toBeGreaterThan(0);
    for (const vm of this.vms) {
      expect(JSON.parse(await this.lab.askGuest('journal', vm)), `the journal of ${vm}`).toMatchObject({ faults: 0 });
    }
  }

  /** A node that takes VMs, other than these. */
  async otherThan(...nodes: readonly string[]): Promise<string> {
    const found = (await this.lab.nodes()).find(
      ({ name, role, state }) => role === 'node' && state === 'up' && !nodes.includes(name),
    );
    if (found === undefined) throw new Error(`no node beside ${nodes.join()} takes VMs`);
    return found.name;
  }

  /** All VMs on one node. */
  async gather(node: string): Promise<void> {
    for (const vm of this.vms) {
      if ((await this.lab.ownerOf(vm)) === node) continue;
      expect((await this.lab.migrate(node, vm)).outcome).toBe('completed');
      await until(`${vm} is at rest`, () => this.#atRest(vm), PATIENCE_MS);
    }
  }

  /** Waits until the VM runs on another node and its guest has booted. How long it took is printed, and not judged. */
  async recovered(vm: string, from: string): Promise<void> {
    const startedAt = performance.now();
    const seconds = () => ((performance.now() - startedAt) / 1000).toFixed(1);
    await until(
      `${vm} runs elsewhere`,
      async () => {
        const { owner, state } = await this.lab.vm(vm);
        return owner !== from && state === 'running';
      },
      PATIENCE_MS,
    );
    const runs = seconds();
    await until(`${vm} answers`, () => this.lab.guestAnswers(vm), PATIENCE_MS);
    console.log(`${vm}: runs elsewhere after ${runs} s, answers after ${seconds()} s`);
  }

  bootsOf(): Promise<string[]> {
    return Promise.all(this.vms.map((vm) => this.lab.bootOf(vm)));
  }

  /** The first processes of all nodes: a node that was reset has another one. */
  firstProcesses(): Promise<(number | undefined)[]> {
    return Promise.all(this.lab.nodeNames.map((node) => initPid(this.name, node)));
  }

  guardLog(node: string): string {
    return read(labPaths.guardLog(this.name, node));
  }

  /** How often the watchdog has reset the node. */
  resets(node: string): number {
    return read(labPaths.hardwareLog(this.name)).split(`${node}: switched on again`).length - 1;
  }

  async vmsStandStill(node: string): Promise<boolean> {
    const group = join(await machineCgroup(this.name, node), 'godwit/ha-vms');
    return read(join(group, 'cgroup.events')).includes('frozen 1');
  }

  /** The events since then contain these in this order; each as "kind node" or "kind VM". */
  async expectStory(since: Date, story: readonly `${EventKind} ${string}`[]): Promise<void> {
    const told: string[] = [];
    const isTold = async () => {
      const events = await this.lab.events(since);
      told.splice(0, told.length, ...events.map(({ kind, node, vm }) => `${kind} ${vm ?? node}`));
      let from = 0;
      return story.every((line) => (from = told.indexOf(line, from) + 1) > 0);
    };
    await until('the events tell the story', isTold, 15_000).catch(() => undefined);
    if (!(await isTold())) expect(told).toEqual(story);
  }
}

function lastLines(text: string, count: number): string[] {
  return text.trimEnd().split('\n').slice(-count);
}

/** One lab for all tests of a file; each finds it healthy and leaves it so. */
export function shareLab(name: string, size: Size, use: (cluster: FailoverLab) => void): void {
  let cluster: FailoverLab | undefined;
  beforeAll(async () => {
    cluster = await FailoverLab.up(name, size);
    use(cluster);
  });
  beforeEach(() => cluster?.healthy());
  afterEach(async () => {
    await cluster?.healthy();
    await cluster?.checkCopies();
  });
  afterAll(() => cluster?.down());
}

/** Holds a connection to a guest's ticker from the client machine until `end`. */
export async function followTicker(lab: LabCluster, vm = VM) {
  const root = join(import.meta.dirname, '../..');
  const program = [process.execPath, join(root, 'scripts/ticker-client.ts'), await lab.addressOf(vm)];
  const args = ['netns', 'exec', lab.namespace('client'), ...program];
  const client = spawn('ip', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  client.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const closed = new Promise((resolve) => client.on('close', resolve));
  await until('the connection stands', () => text.includes('connected'), 10_000);
  return {
    /** `missing`: numbers that did not come; `broken`: why the connection ended, null if it stood to the end. */
    end: async (): Promise<{ missing: number; broken: string | null }> => {
      client.stdin.end();
      await closed;
      return JSON.parse(text.trim().split('\n').at(-1) ?? '{}') as { missing: number; broken: string | null };
    },
  };
}
