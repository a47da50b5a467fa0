/**
 * The management controllers of a lab's nodes: one `ipmi_sim` of Debian's package openipmi for each, which speaks real IPMI over LAN.
 * They sit in the switch: whatever happens to a node or to its cables, the other nodes reach its controller.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GodwitError } from '../model/errors.ts';
import type { NodeFencing } from '../model/authority.ts';
import { labCgroup, makeCgroup } from './cgroups.ts';
import { namespaceOf, SWITCH } from './lab-plan.ts';
import type { LabState } from './lab-state.ts';
import { labPaths } from './lab-state.ts';
import { stateOf } from './lab-lookup.ts';
import { JOIN_CGROUP } from './machines.ts';
import { runCommand } from './run-command.ts';

const IPMI_PORT = 623;
const START_MS = 5000;
const BRIDGE_MAC = '06:67:77:00:01:c8';

/** One management controller, and how a fence agent is told of it. */
export interface LabBmc extends NodeFencing {
  readonly node: string;
}

/** Of every node that has one, in the order of the nodes. Throws LAB_NOT_FOUND. */
export async function labBmcs(name: string): Promise<readonly LabBmc[]> {
  return bmcsOf(await stateOf(name));
}

function bmcsOf({ bmc, plan }: LabState): LabBmc[] {
  if (bmc === null) return [];
  const nodes = plan.machines.filter((machine) => machine.kind === 'node');
  return nodes.map(({ name }, index) => ({
    node: name,
    agent: 'fence_ipmilan',
    options: {
      ...{ ip: `10.77.0.${201 + index}`, ipport: `${IPMI_PORT}`, username: bmc.user, password: bmc.password },
      // It is asked for its state at once: it answers `off` when nothing of the node is left.
      ...{ lanplus: '1', cipher: '3', power_wait: '0' },
    },
  }));
}

/** Returns when all of them listen. The switch exists. */
export async function startBmcs(state: LabState): Promise<void> {
  const bmcs = bmcsOf(state);
  if (bmcs.length === 0) return;
  const lab = state.plan.name;
  const inSwitch = `--net=/run/netns/${namespaceOf(lab, SWITCH)}`;
  const cgroup = join(await labCgroup(lab), 'bmc');
  await makeCgroup(cgroup);
  const commands = [
    // Or it would change with the first port that is unplugged, and what the nodes know by ARP would be wrong for seconds.
    `link set dev cluster address ${BRIDGE_MAC}`,
    ...bmcs.map(({ options }) => `address add ${options['ip']}/24 dev cluster`),
  ];
  await runCommand(['nsenter', inSwitch, 'ip', '-batch', '-'], { input: `${commands.join('\n')}\n` });
  const log = openSync(labPaths.bmcLog(lab), 'a');
  for (const bmc of bmcs) {
    const directory = await writeFiles(lab, bmc);
    const files = ['-c', join(directory, 'lan.conf'), '-f', join(directory, 'sim.emu'), '-s', directory];
    const argv = ['-c', JOIN_CGROUP, 'sh', cgroup, 'nsenter', inSwitch, '--', 'ipmi_sim', ...files, '-n'];
    const child = spawn('sh', argv, { cwd: '/', detached: true, stdio: ['ignore', log, log] });
    child.once('error', () => undefined);
    child.unref();
  }
  closeSync(log);
  await waitForPorts(lab, cgroup, bmcs.length);
}

async function writeFiles(lab: string, { node, options }: LabBmc): Promise<string> {
  const directory = dirname(labPaths.powerSwitch(lab, node));
  await mkdir(directory, { recursive: true });
  const control = [
    join(import.meta.dirname, 'chassis-control.sh'),
    namespaceOf(lab, node),
    labPaths.powerSwitch(lab, node),
  ];
  const lines = [
    `name "${node}"`,
    'set_working_mc 0x20',
    'startlan 1',
    `addr ${options['ip']} ${IPMI_PORT}`,
    'priv_limit admin',
    ...['callback', 'user', 'operator', 'admin'].map((level) => `allowed_auths_${level} md5`),
    'guid a123456789abcdefa123456789abcdef',
    'endlan',
    `chassis_control "sh ${control.map((word) => `'${word}'`).join(' ')}"`,
    `user 2 true "${options['username']}" "${options['password']}" admin 10 md5`,
  ];
  await writeFile(join(directory, 'lan.conf'), `${lines.join('\n')}\n`, { mode: 0o600 });
  await writeFile(join(directory, 'sim.emu'), CONTROLLER);
  return directory;
}

/** A controller without sensors. */
const CONTROLLER = `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
sel_enable 0x20 1000 0x0a
mc_enable 0x20
`;

async function waitForPorts(lab: string, cgroup: string, count: number): Promise<void> {
  const until = Date.now() + START_MS;
  const port = `:${IPMI_PORT.toString(16).toUpperCase().padStart(4, '0')} `;
  while (Date.now() < until) {
    const pids = (await readFile(join(cgroup, 'cgroup.procs'), 'utf8')).trim().split('\n').filter(Boolean);
    // Seen through one of them, because it is in the switch's network.
    const sockets = await readFile(`/proc/${pids[0]}/net/udp`, 'utf8').catch(() => '');
    if (sockets.split('\n').filter((line) => line.includes(port)).length === count) return;
    await sleep(20);
  }
  throw new GodwitError({
    code: 'LAB_FAILED',
    message: `Not all of the ${count} management controllers of the lab listened within ${START_MS} ms; see ${labPaths.bmcLog(lab)}.`,
    state: 'The lab is partly up.',
    nextStep: 'Run `godwit lab down`, then try again.',
  });
}
