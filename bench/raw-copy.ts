/** One bare QEMU process in a machine of the lab: started as Godwit starts it, driven by nobody but the benchmark. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { plugLines, removeLines, tapMacAddress } from '../src/adapters/linux-network/ip-plan.ts';
import { qemuArguments } from '../src/adapters/qmp/qemu-command-line.ts';
import { qemuCommand } from '../src/adapters/qmp/qemu-process.ts';
import { QmpClient, type QmpEvent } from '../src/adapters/qmp/qmp-client.ts';
import { systemClock } from '../src/adapters/system/system-clock.ts';
import { labExec } from '../src/lab/lab.ts';
import { BRIDGE } from '../src/lab/lab-plan.ts';
import { QEMU_USER } from '../src/lab/machine-files.ts';
import { QEMU_BINARY } from '../src/lab/requirements.ts';
import { runCommand } from '../src/lab/run-command.ts';
import type { VmDefinition } from '../src/model/vm.ts';

const START_TIMEOUT_MS = 15_000;
const BRIDGE_MTU_BYTES = 1500;

export interface RawNode {
  readonly name: string;
  readonly namespace: string;
  /** On the cluster network. */
  readonly address: string;
}

export interface RawCopyOptions {
  readonly lab: string;
  readonly node: RawNode;
  readonly definition: VmDefinition;
  readonly directDisks: ReadonlySet<string>;
  /** Seen by this process and by all machines; QEMU's user may write there. */
  readonly directory: string;
  readonly number: number;
  readonly incoming: boolean;
}

export class RawCopy {
  readonly node: RawNode;
  /** All events so far, in QEMU's order. */
  readonly events: QmpEvent[] = [];
  readonly #tap: string;
  readonly #exited: Promise<number>;
  #hasExited = false;
  #client: QmpClient | null = null;

  private constructor(options: RawCopyOptions, paths: { qmp: string; serial: string; tap: string }) {
    const { definition, directDisks, directory, incoming, lab, node } = options;
    this.node = node;
    this.#tap = paths.tap;
    const args = qemuArguments(definition, {
      qmpSocket: paths.qmp,
      serialSocket: paths.serial,
      vncSocket: `${paths.serial}.vnc`,
      serialLog: join(directory, 'serial.log'),
      taps: [paths.tap],
      directDisks,
      incoming,
      lockImages: true,
      // Without it QEMU runs the guest by itself as soon as it has loaded it, which is the quickest it can be.
    }).filter((argument) => argument !== '-S');
    const { command, args: rest } = qemuCommand({ binary: QEMU_BINARY, user: QEMU_USER }, definition.accelerator, args);
    this.#exited = labExec(lab, node.name, [command, ...rest]).finally(() => {
      this.#hasExited = true;
    });
    this.#exited.catch(() => undefined);
  }

  /** With its tap; returns when its monitor answers. */
  static async start(options: RawCopyOptions): Promise<RawCopy> {
    const { definition, directory, node, number } = options;
    const tap = `bare${number}`;
    const macAddress = tapMacAddress(definition.nics[0]?.macAddress ?? '') ?? '';
    const plug = { name: tap, bridge: BRIDGE, macAddress, mtuBytes: BRIDGE_MTU_BYTES, exists: false };
    await ipBatch(node, plugLines([plug], QEMU_USER));
    const qmp = join(directory, `${number}.qmp`);
    const copy = new RawCopy(options, { qmp, serial: join(directory, `${number}.serial`), tap });
    await copy.#connect(qmp);
    return copy;
  }

  async #connect(path: string): Promise<void> {
    const giveUpAt = Date.now() + START_TIMEOUT_MS;
    while (this.#client === null) {
      if (this.#hasExited || Date.now() > giveUpAt) throw new Error('A bare QEMU did not start.');
      if (existsSync(path)) {
        const listener = { event: (event: QmpEvent) => this.events.push(event), closed: () => undefined };
        const options = { path, subject: 'the bare QEMU', clock: systemClock, listener };
        this.#client = await QmpClient.connect(options).catch(() => null);
      }
      await sleep(5);
    }
  }

  async ask(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#client === null) throw new Error('The bare QEMU was not connected to.');
    return this.#client.execute(command, args, { deadlineMs: 10_000 });
  }

  /** The last such event, if there was one. */
  seen(event: string, status?: string): QmpEvent | undefined {
    return this.events.findLast(
      (one) => one.event === event && (status === undefined || one.data['status'] === status),
    );
  }

  async end(): Promise<void> {
    await this.ask('quit').catch(() => undefined);
    this.#client?.close();
    await this.#exited;
    await ipBatch(this.node, removeLines([this.#tap]));
  }
}

async function ipBatch(node: RawNode, lines: readonly string[]): Promise<void> {
  await runCommand(['ip', '-n', node.namespace, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}
