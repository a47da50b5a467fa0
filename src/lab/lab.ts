/**
 * A cluster on one machine: brings it up and takes it down, and shows it. What can happen to its machines is in
 * lab-events.ts. Other folders import this file only.
 */
import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentConfig } from '../model/agent-config.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { parseName } from '../model/names.ts';
import { GIBIBYTE } from '../model/units.ts';
import { killCgroup, labCgroup, labsInCgroups, machineCgroup, makeCgroup } from './cgroups.ts';
import { agentProgram, formCluster } from './formation.ts';
import { claimIndex, startGateway } from './gateway.ts';
import { buildGuestImage, GUEST_CACHE_DIRECTORY } from './guest/guest-image.ts';
import { startHardware } from './hardware.ts';
import { stateOf } from './lab-lookup.ts';
import { checkLink, checkNodeCount, planLab, SWITCH } from './lab-plan.ts';
import type { LabState } from './lab-state.ts';
import { labDirectory, labsOnDisk, lock, newState, readState, writeState } from './lab-state.ts';
import type { LabStatus } from './lab-status.ts';
import { describeLab, processStartTime } from './lab-status.ts';
import type { AgentSettings } from './machine-files.ts';
import { makeLabDirectory, placeGuestImage, writeMachineFiles } from './machine-files.ts';
import { powerOn } from './machines.ts';
import { machinesWithNamespace, makeSwitch, removeAllNamespaces } from './namespaces.ts';
import { waitForAgents } from './readiness.ts';
import { REPOSITORY } from './repository.ts';
import { checkRequirements, requireRoot } from './requirements.ts';
import { runCommand } from './run-command.ts';

export type { LabBmc } from './bmc.ts';
export { labBmcs } from './bmc.ts';
export { labBoot, labCrash, labCut, labExec, labFreeze, labMend, labThaw } from './lab-events.ts';
export { labNames } from './lab-lookup.ts';
export type { CutDirection, LabNetwork, MachineKind } from './lab-plan.ts';
export type { LabMachineStatus, LabStatus, MachineState } from './lab-status.ts';

/** Told one line per step; the line has no line break. */
export type Progress = (line: string) => void;

export const DEFAULT_LAB_NAME = 'lab';

export interface LabUpOptions {
  readonly name: string;
  /** 1 to 9, default 2. */
  readonly nodes?: number;
  /** false: no third vote, so two nodes do not fail over by themselves. Default true. */
  readonly witness?: boolean;
  /** "1gbit" (default), "500mbit" …, "none" for unshaped. */
  readonly link?: string;
  /** Memory each node offers to VMs, in bytes; default 2 GiB. */
  readonly nodeMemoryBytes?: number;
  /** Leave a lab that failed to come up as it is, for inspection. */
  readonly keep?: boolean;
  /** false: guest memory crosses the network in the clear (for measuring). Default true. */
  readonly migrationTls?: boolean;
  readonly accelerator?: AgentConfig['qemu']['accelerator'];
  /** false: no watchdog stands behind the nodes' guards (for measuring without). Default true; with an `agentCommand` there is no guard unless it is given. */
  readonly watchdog?: boolean;
  /** For tests of the lab itself: runs instead of agents, whose files are written but whose API is not waited for. */
  readonly agentCommand?: readonly string[];
  readonly progress?: Progress;
}

/** Returns when every agent answers. A lab that is up already is left as it is. */
export async function labUp(options: LabUpOptions): Promise<{ readonly status: LabStatus; readonly wasUp: boolean }> {
  const name = parseName('lab', options.name);
  const wanted = { nodes: checkNodeCount(options.nodes ?? 2), link: checkLink(options.link ?? '1gbit') };
  const launcher = options.agentCommand === undefined ? join(REPOSITORY, 'godwit') : null;
  await checkRequirements(launcher);
  await using _lock = await lock(name);
  if (await isUp(name)) return { status: await labStatus(name), wasUp: true };
  const progress = options.progress ?? (() => undefined);
  try {
    await build({ ...options, name }, { ...wanted, launcher, progress });
  } catch (error) {
    if (options.keep !== true) await tearDown(name);
    throw error;
  }
  return { status: await labStatus(name), wasUp: false };
}

/** Throws LAB_EXISTS for remains: they are evidence, and only `lab down` removes evidence. */
async function isUp(name: string): Promise<boolean> {
  const state = await readState(name);
  if (typeof state !== 'string' && state.phase === 'up') return true;
  const remains =
    state !== 'none' || (await machinesWithNamespace(name)).length > 0 || (await labsInCgroups()).includes(name);
  if (!remains) return false;
  throw new GodwitError({
    code: 'LAB_EXISTS',
    message: `There is a lab "${name}" that did not come up completely, or whose remains were left.`,
    state: NOTHING_CHANGED,
    nextStep: `Run \`godwit lab down --name ${name}\`, then try again.`,
  });
}

interface BuildPlan {
  readonly nodes: number;
  readonly link: string;
  readonly launcher: string | null;
  readonly progress: Progress;
}

async function build(options: LabUpOptions, { nodes, link, launcher, progress }: BuildPlan): Promise<void> {
  const { name } = options;
  const image = launcher === null ? null : await buildGuestImage(GUEST_CACHE_DIRECTORY, progress);
  const { state, server } = await allocate(options, { nodes, link, launcher });
  const { plan } = state;
  const settings: AgentSettings = {
    nodeMemoryBytes: options.nodeMemoryBytes ?? 2 * GIBIBYTE,
    migrationTls: options.migrationTls ?? true,
    accelerator: options.accelerator ?? 'auto',
    labImage: image === null ? null : await placeGuestImage(name, image),
    guard: state.guard,
  };
  await writeMachineFiles(plan, settings);
  progress(`switch: networks cluster and client, ${link === 'none' ? 'unshaped' : link} per link`);
  await makeCgroup(await machineCgroup(name, SWITCH));
  await makeSwitch(plan);
  if (state.guard !== 'none') await startHardware(state);
  const poweredOn = new Map(plan.machines.map(({ name: machine }) => [machine, Promise.withResolvers<void>()]));
  // Begins while the other machines are still being made.
  const formed =
    launcher === null
      ? undefined
      : formCluster(state, launcher, {
          poweredOn: new Map([...poweredOn].map(([machine, { promise }]) => [machine, promise])),
          progress,
        });
  // What fails in it is said where it is waited for, below.
  formed?.catch(() => undefined);
  for (const machine of plan.machines) {
    await powerOn(state, machine);
    poweredOn.get(machine.name)?.resolve();
    progress(`${machine.name}: ${machine.links.map((cable) => cable.address).join(', ')}`);
  }
  await startGateway(plan, server);
  if (formed !== undefined) {
    await formed;
    progress('waits for the agents');
    await waitForAgents(state, progress);
  }
  await writeState({ ...state, phase: 'up' });
}

/** The index and the state file, in one step that no other `lab up` comes between. */
async function allocate(options: LabUpOptions, wanted: { nodes: number; link: string; launcher: string | null }) {
  await using _lock = await lock('.index');
  const { index, server } = await claimIndex(await indexesTaken());
  // A failure from here on must not keep this process alive for its sake.
  server.unref();
  const { name, witness = true } = options;
  const plan = planLab({ name, index, nodes: wanted.nodes, link: wanted.link, witness });
  const programs: Record<string, readonly string[]> = {};
  for (const machine of plan.machines) {
    if (machine.kind === 'client') continue;
    programs[machine.name] = options.agentCommand ?? agentProgram(wanted.launcher ?? '', machine, plan.name);
  }
  const builder = { pid: process.pid, startTime: (await processStartTime(process.pid)) ?? '' };
  const password = randomBytes(15).toString('base64url');
  const guard = guardOf(options);
  // IPMI has room for 20 bytes.
  const bmc = guard === 'none' ? null : { user: 'godwit', password: randomBytes(9).toString('hex') };
  const state = newState({ builder, plan, user: 'admin', password, programs, guard, bmc });
  await makeLabDirectory(options.name);
  await writeState(state);
  return { state, server };
}

function guardOf({ agentCommand, watchdog }: LabUpOptions): LabState['guard'] {
  if (agentCommand !== undefined && watchdog === undefined) return 'none';
  return watchdog === false ? 'alone' : 'watchdog';
}

async function indexesTaken(): Promise<Set<number>> {
  const states = await Promise.all((await labsOnDisk()).map(readState));
  return new Set(states.flatMap((state) => (typeof state === 'string' ? [] : [state.plan.index])));
}

/** Works from whatever is left of the lab. True if there was something to take down. */
export async function labDown(name: string, progress: Progress = () => undefined): Promise<boolean> {
  parseName('lab', name);
  requireRoot('take a lab down');
  await using _lock = await lock(name);
  const found = await tearDown(name);
  if (found) progress(`${name} is down`);
  return found;
}

async function tearDown(name: string): Promise<boolean> {
  const directory = labDirectory(name);
  const hadProcesses = await killCgroup(await labCgroup(name));
  const hadNamespaces = await removeAllNamespaces(name);
  for (const target of await mountsBelow(directory)) await runCommand(['umount', '-l', target]);
  const hadFiles = (await readState(name)) !== 'none';
  await rm(directory, { recursive: true, force: true });
  return hadProcesses || hadNamespaces || hadFiles;
}

/** Deepest first. */
async function mountsBelow(directory: string): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const targets = lines.map((line) => line.split(' ')[4] ?? '').filter((target) => target.startsWith(`${directory}/`));
  return targets.sort().reverse();
}

/** Throws LAB_NOT_FOUND. */
export async function labStatus(name: string): Promise<LabStatus> {
  return describeLab(await stateOf(name));
}
