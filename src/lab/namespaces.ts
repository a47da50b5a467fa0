/** Makes and removes the network namespaces of a lab, with the commands of `lab-plan.ts`. */
import { readdir } from 'node:fs/promises';
import type { CutDirection, Cuts, LabPlan, Machine } from './lab-plan.ts';
import {
  cableCommands,
  cutCommand,
  dropCommands,
  machineCommands,
  machineOfNamespace,
  mendCommand,
  namespaceOf,
  SWITCH,
  shapeCommands,
  switchCommands,
} from './lab-plan.ts';
import { runCommand, tryCommand } from './run-command.ts';

/** Before any device exists, so that none ever sends a router solicitation. Absent where the kernel has no IPv6. */
const WITHOUT_IPV6 =
  'for name in all default; do file=/proc/sys/net/ipv6/conf/$name/disable_ipv6; if [ -e $file ]; then echo 1 >$file; fi; done';

export async function makeSwitch(plan: LabPlan): Promise<void> {
  await makeNamespace(namespaceOf(plan.name, SWITCH));
  await ipBatch(namespaceOf(plan.name, SWITCH), ['link set lo up', ...switchCommands()]);
}

/** The machine's namespace with all its cables, cut as they were. */
export async function makeMachineNetwork(plan: LabPlan, machine: Machine, cuts: Cuts): Promise<void> {
  const namespace = namespaceOf(plan.name, machine.name);
  const switchNamespace = namespaceOf(plan.name, SWITCH);
  await makeNamespace(namespace);
  await ipBatch(switchNamespace, cableCommands(plan, machine));
  await ipBatch(namespace, machineCommands(machine));
  const ports = machine.links.map((link) => link.port);
  const devices = machine.links.map((link) => link.device);
  await tcBatch(switchNamespace, shapeCommands(plan, ports));
  await tcBatch(namespace, shapeCommands(plan, devices));
  for (const link of machine.links) {
    const direction = cuts[link.network];
    if (direction !== undefined) await cutCables(plan, [link], direction);
  }
}

/**
 * Takes the cables out, ends whatever still runs in the namespace (started from outside with `ip netns exec`, say,
 * which would keep it alive), and deletes it.
 */
export async function removeMachineNetwork(lab: string, machine: string): Promise<void> {
  const namespace = namespaceOf(lab, machine);
  const links = await tryCommand(['ip', '-n', namespaceOf(lab, SWITCH), '-j', 'link', 'show', 'type', 'veth']);
  for (const { ifname } of parseLinks(links.stdout)) {
    if (ifname.startsWith(`${machine}-`)) {
      await tryCommand(['ip', '-n', namespaceOf(lab, SWITCH), 'link', 'delete', ifname]);
    }
  }
  await removeNamespace(namespace);
}

async function removeNamespace(namespace: string): Promise<void> {
  const pids = (await tryCommand(['ip', 'netns', 'pids', namespace])).stdout.trim().split('\n').filter(Boolean);
  for (const pid of pids.map(Number)) {
    if (pid !== process.pid && pid !== process.ppid) killIfThere(pid);
  }
  await runCommand(['ip', 'netns', 'delete', namespace]);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself in the meantime.
  }
}

/** Machines of the lab that have a namespace at the moment, the switch included. */
export async function machinesWithNamespace(lab: string): Promise<string[]> {
  const names = await readdir('/run/netns').catch(() => []);
  return names.map((name) => machineOfNamespace(lab, name)).filter((machine) => machine !== undefined);
}

/** Labs that have a namespace. */
export async function labsInNamespaces(): Promise<string[]> {
  const names = await readdir('/run/netns').catch(() => []);
  const labs = names.map((name) => /^godwit-(.+)-(?:node[1-9]|witness|client|switch)$/.exec(name)?.[1]);
  return [...new Set(labs.filter((lab) => lab !== undefined))];
}

export async function removeAllNamespaces(lab: string): Promise<boolean> {
  const machines = await machinesWithNamespace(lab);
  for (const machine of machines) await removeNamespace(namespaceOf(lab, machine));
  return machines.length > 0;
}

/** The ports of the switch that are on their bridge, i.e. not cut in both directions. */
export async function connectedPorts(lab: string): Promise<ReadonlySet<string>> {
  const links = await tryCommand(['ip', '-n', namespaceOf(lab, SWITCH), '-j', 'link', 'show', 'type', 'veth']);
  return new Set(
    parseLinks(links.stdout)
      .filter((link) => link.master !== undefined)
      .map((link) => link.ifname),
  );
}

/** Also where they are cut already, in whatever direction. */
export async function cutCables(plan: LabPlan, links: Machine['links'], direction: CutDirection): Promise<void> {
  const switchNamespace = namespaceOf(plan.name, SWITCH);
  await dropNothing(plan, links);
  await ipBatch(
    switchNamespace,
    links.map((link) => cutCommand(link, direction)),
  );
  await tcBatch(
    switchNamespace,
    links.flatMap((link) => dropCommands(link, direction)),
  );
}

export async function mendCables(plan: LabPlan, links: Machine['links']): Promise<void> {
  await dropNothing(plan, links);
  await ipBatch(namespaceOf(plan.name, SWITCH), links.map(mendCommand));
}

async function dropNothing(plan: LabPlan, links: Machine['links']): Promise<void> {
  // A port that drops nothing has no such qdisc: that is refused, and no matter.
  for (const { port } of links)
    await tryCommand(['tc', '-n', namespaceOf(plan.name, SWITCH), 'qdisc', 'delete', 'dev', port, 'clsact']);
}

function parseLinks(text: string): { ifname: string; master?: string }[] {
  // Also of an empty list `ip` prints elements, without names.
  const links = text.trim() === '' ? [] : (JSON.parse(text) as { ifname?: string; master?: string }[]);
  return links.flatMap((link) => (link.ifname === undefined ? [] : [{ ...link, ifname: link.ifname }]));
}

async function makeNamespace(namespace: string): Promise<void> {
  await runCommand(['ip', 'netns', 'add', namespace]);
  await runCommand(['nsenter', `--net=/run/netns/${namespace}`, 'sh', '-c', WITHOUT_IPV6]);
}

async function ipBatch(namespace: string, commands: readonly string[]): Promise<void> {
  if (commands.length > 0)
    await runCommand(['ip', '-n', namespace, '-batch', '-'], { input: `${commands.join('\n')}\n` });
}

async function tcBatch(namespace: string, commands: readonly string[]): Promise<void> {
  if (commands.length > 0)
    await runCommand(['tc', '-n', namespace, '-batch', '-'], { input: `${commands.join('\n')}\n` });
}
