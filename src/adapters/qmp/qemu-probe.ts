/** What this node's QEMU can do, asked of QEMU itself without any VM; and whether KVM works here, proven by using it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import type { Accelerator } from '../../model/vm.ts';
import type { Clock } from '../../ports/clock.ts';
import type { HypervisorFacts } from '../../ports/hypervisor.ts';
import { createSocketDirectory } from './instance-notes.ts';
import { qemuCommand, qemuEnvironment, type QemuLaunch } from './qemu-process.ts';
import { QmpClient } from './qmp-client.ts';

export interface ProbeOptions {
  readonly launch: QemuLaunch;
  readonly accelerator: 'auto' | Accelerator;
  readonly runtimeDirectory: string;
  readonly clock: Clock;
}

interface Abilities {
  readonly version: string;
  readonly machineTypes: readonly string[];
  readonly cpuModels: readonly string[];
}

const PROBE_TIMEOUT_MS = 10_000;
const FIRMWARE_TIMEOUT_MS = 3000;

export async function probeQemu(options: ProbeOptions): Promise<HypervisorFacts> {
  if (options.accelerator !== 'auto') {
    const acceleratorReason = `The configuration says "${options.accelerator}".`;
    return { ...(await askQemu(options, options.accelerator)), accelerator: options.accelerator, acceleratorReason };
  }
  const kvm = await proveKvm(options);
  if (typeof kvm !== 'string') {
    return { ...kvm, accelerator: 'kvm', acceleratorReason: 'KVM is proven: firmware ran under it.' };
  }
  const acceleratorReason = `KVM is not proven: ${kvm}`;
  return { ...(await askQemu(options, 'tcg')), accelerator: 'tcg', acceleratorReason };
}

/** What KVM offers here, or in words why it is not to be used. That /dev/kvm exists proves nothing. */
async function proveKvm(options: ProbeOptions): Promise<Abilities | string> {
  const obstacle = whyNoKvm();
  if (obstacle !== null) return obstacle;
  try {
    const abilities = await askQemu(options, 'kvm');
    const cpuModel = abilities.cpuModels[0];
    const machineType = abilities.machineTypes.at(-1);
    if (cpuModel === undefined || machineType === undefined) return 'no CPU model can be offered under it.';
    const speaks = await firmwareSpeaks(options, { accelerator: 'kvm', cpuModel, machineType });
    return speaks ? abilities : `firmware did not print anything under it within ${FIRMWARE_TIMEOUT_MS} ms.`;
  } catch (error) {
    return `QEMU does not start with it (${error instanceof Error ? error.message : String(error)}).`;
  }
}

function whyNoKvm(): string | null {
  if (!existsSync('/dev/kvm')) return '/dev/kvm does not exist.';
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    return '/dev/kvm exists, but the agent may not open it.';
  }
  const shown = /\b(vmx|svm)\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
  return shown ? null : '/dev/kvm exists, but the CPU shows neither vmx nor svm.';
}

/** Version, machine types and CPU models, from a QEMU without a machine. */
async function askQemu(options: ProbeOptions, accelerator: Accelerator): Promise<Abilities> {
  const directory = join(options.runtimeDirectory, `probe-${randomBytes(3).toString('hex')}`);
  createSocketDirectory(directory, options.launch.user);
  const path = join(directory, 'qmp.sock');
  const qmp = ['-chardev', `socket,id=qmp0,path=${path},server=on,wait=off`, '-mon', 'chardev=qmp0,mode=control'];
  const machine = ['-machine', `none,accel=${accelerator}`, '-nodefaults', '-no-user-config', '-display', 'none'];
  const run = startQemu(options.launch, accelerator, [...machine, ...qmp]);
  try {
    const client = await connectTo(path, run, options.clock);
    try {
      return await readAbilities(client);
    } finally {
      client.close();
    }
  } finally {
    await run.end();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function readAbilities(client: QmpClient): Promise<Abilities> {
  const { qemu } = (await client.execute('query-version')) as {
    readonly qemu: { readonly major: number; readonly minor: number; readonly micro: number };
  };
  const machines = (await client.execute('query-machines')) as readonly { name: string; deprecated?: boolean }[];
  const models = (await client.execute('query-cpu-definitions')) as readonly CpuDefinition[];
  return {
    version: `${qemu.major}.${qemu.minor}.${qemu.micro}`,
    machineTypes: machines
      .filter(({ name, deprecated }) => deprecated !== true && MACHINE_TYPE.test(name))
      .map(({ name }) => name)
      .sort(byVersion),
    cpuModels: models
      .filter(isUsableModel)
      .map(({ name }) => name)
      .sort(),
  };
}

/** A version in the name: an alias such as "q35" means another machine in the next QEMU. */
const MACHINE_TYPE = /^pc-q35-\d+\.\d+(\.\d+)?$/;

interface CpuDefinition {
  readonly name: string;
  readonly 'migration-safe'?: boolean;
  readonly 'unavailable-features'?: readonly string[];
}

function isUsableModel(model: CpuDefinition): boolean {
  return /-v\d+$/.test(model.name) && model['migration-safe'] === true && model['unavailable-features']?.length === 0;
}

function byVersion(a: string, b: string): number {
  const [left, right] = [a, b].map((name) => name.slice('pc-q35-'.length).split('.').map(Number));
  for (let index = 0; index < 3; index += 1) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether the CPU really executes: the firmware prints to its debug port. */
export async function firmwareSpeaks(
  options: Pick<ProbeOptions, 'launch' | 'clock'>,
  machine: { readonly accelerator: Accelerator; readonly cpuModel: string; readonly machineType: string },
): Promise<boolean> {
  const { accelerator, cpuModel, machineType } = machine;
  const bare = ['-m', '32M', '-nodefaults', '-no-user-config', '-display', 'none'];
  const debugPort = [
    '-chardev',
    'stdio,id=firmware,signal=off',
    '-device',
    'isa-debugcon,iobase=0x402,chardev=firmware',
  ];
  const cpu = ['-machine', `${machineType},accel=${accelerator}`, '-cpu', `${cpuModel},enforce`];
  const run = startQemu(options.launch, accelerator, [...cpu, ...bare, ...debugPort]);
  let cancelTimeout = () => undefined as void;
  const spoke = new Promise<boolean>((resolve) => {
    run.process.stdout?.once('data', () => resolve(true));
    run.process.once('close', () => resolve(false));
    cancelTimeout = options.clock.after(FIRMWARE_TIMEOUT_MS, () => resolve(false));
  });
  try {
    return await spoke;
  } finally {
    cancelTimeout();
    await run.end();
  }
}

interface ProbeRun {
  readonly process: ChildProcess;
  ended(): boolean;
  lastWords(): string;
  end(): Promise<void>;
}

/** Not detached and always killed: a probe has nothing to lose. */
function startQemu(launch: QemuLaunch, accelerator: Accelerator, args: readonly string[]): ProbeRun {
  const { command, args: commandArgs } = qemuCommand(launch, accelerator, args);
  const child = spawn(command, [...commandArgs], { env: { ...qemuEnvironment() }, stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  let ended = false;
  child.stderr.on('data', (chunk: Buffer) => {
    words = `${words}${chunk.toString('utf8')}`.slice(-2000);
  });
  child.once('error', (error) => {
    words = error.message;
  });
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => {
      ended = true;
      resolve();
    });
  });
  return {
    process: child,
    ended: () => ended,
    lastWords: () => words.trim(),
    end: async () => {
      child.kill('SIGKILL');
      await closed;
    },
  };
}

async function connectTo(path: string, run: ProbeRun, clock: Clock): Promise<QmpClient> {
  const deadline = clock.monotonicMs() + PROBE_TIMEOUT_MS;
  const listener = { event: () => undefined, closed: () => undefined };
  while (!run.ended() && clock.monotonicMs() < deadline) {
    if (existsSync(path)) {
      try {
        return await QmpClient.connect({ path, subject: 'The probe of QEMU', clock, listener });
      } catch {
        // The socket exists a moment before QEMU listens on it.
      }
    }
    await clock.sleep(10);
  }
  throw new GodwitError({
    code: 'HYPERVISOR_FAILED',
    message: `QEMU could not be asked what it can do: ${run.lastWords() || 'it did not answer'}.`,
    state: NOTHING_CHANGED,
    nextStep: "Check the path of the QEMU binary in the agent's configuration and that its user may run it.",
  });
}
