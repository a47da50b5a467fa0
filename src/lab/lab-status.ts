/** What a lab looks like at the moment: the plan says what should be there, the world what is. */
import { readFile } from 'node:fs/promises';
import { isFrozen, machineCgroup } from './cgroups.ts';
import type { Cuts, LabNetwork, Machine, MachineKind } from './lab-plan.ts';
import { API_PORT, gatewayAddress, namespaceOf } from './lab-plan.ts';
import type { LabState } from './lab-state.ts';
import { labDirectory, labPaths } from './lab-state.ts';
import { initPid } from './machines.ts';
import { connectedPorts, machinesWithNamespace } from './namespaces.ts';

/** `cut`: up, but at least one of its networks is cut. `broken`: something of it is missing. */
export type MachineState = 'up' | 'frozen' | 'crashed' | 'cut' | 'broken';

export interface LabMachineStatus {
  readonly name: string;
  readonly kind: MachineKind;
  readonly state: MachineState;
  /** Address on the cluster network; the client machine's on the client network. */
  readonly address: string;
  /** Addresses by network. */
  readonly addresses: Readonly<Partial<Record<LabNetwork, string>>>;
  /** The node's API as reached from this host; null where there is none. */
  readonly url: string | null;
  /** Network namespace of the machine. */
  readonly namespace: string;
  /** Networks that are cut at the moment, and in which direction. */
  readonly cut: Cuts;
}

export interface LabStatus {
  readonly name: string;
  /** `partial`: an `up` that did not finish; only `lab down` helps. */
  readonly state: 'up' | 'starting' | 'partial';
  readonly machines: readonly LabMachineStatus[];
  /** API of the first node, from this host. */
  readonly url: string;
  /** APIs of all nodes, from this host; any of them will do. */
  readonly urls: readonly string[];
  readonly user: string;
  readonly password: string;
  /** Path of the certificate authority's certificate (PEM) that the API's certificates are checked against. */
  readonly caCertificate: string;
  /** The lab's own directory. */
  readonly directory: string;
}

export async function describeLab(state: LabState): Promise<LabStatus> {
  const { plan, user, password } = state;
  const present = await machinesWithNamespace(plan.name);
  const connected = await connectedPorts(plan.name);
  const machines = await Promise.all(
    plan.machines.map((machine) => describeMachine(state, machine, { present, connected })),
  );
  const urls = machines.flatMap((machine) => (machine.url === null ? [] : [machine.url]));
  return {
    name: plan.name,
    state: state.phase === 'up' ? 'up' : (await isAtWork(state)) ? 'starting' : 'partial',
    machines,
    url: urls[0] ?? '',
    urls,
    user,
    password,
    caCertificate: labPaths.caCertificate(plan.name),
    directory: labDirectory(plan.name),
  };
}

interface World {
  readonly present: readonly string[];
  readonly connected: ReadonlySet<string>;
}

async function describeMachine(state: LabState, machine: Machine, world: World): Promise<LabMachineStatus> {
  const { plan } = state;
  const gateway = gatewayAddress(plan, machine.name);
  const isPresent = world.present.includes(machine.name);
  const cuts = cutsOf(state, machine, isPresent ? world.connected : null);
  const describeState = async (): Promise<MachineState> => {
    if (!isPresent) return 'crashed';
    if (await isFrozen(await machineCgroup(plan.name, machine.name))) return 'frozen';
    if ((await initPid(plan.name, machine.name)) === undefined) return 'broken';
    return Object.keys(cuts).length > 0 ? 'cut' : 'up';
  };
  return {
    name: machine.name,
    kind: machine.kind,
    state: await describeState(),
    address: machine.links[0]?.address ?? '',
    addresses: Object.fromEntries(machine.links.map((link) => [link.network, link.address])),
    url: gateway === undefined ? null : `https://${gateway}:${API_PORT}`,
    namespace: namespaceOf(plan.name, machine.name),
    cut: cuts,
  };
}

/** Of a machine that is on, whole cuts as they are; the rest as it was asked for. */
function cutsOf(state: LabState, machine: Machine, connected: ReadonlySet<string> | null): Cuts {
  const asked = state.cut[machine.name] ?? {};
  if (connected === null) return asked;
  const cut = machine.links.flatMap(({ port, network }) => {
    if (!connected.has(port)) return [[network, 'both']];
    const direction = asked[network];
    return direction === undefined || direction === 'both' ? [] : [[network, direction]];
  });
  return Object.fromEntries(cut) as Cuts;
}

async function isAtWork(state: LabState): Promise<boolean> {
  return (await processStartTime(state.builder.pid)) === state.builder.startTime;
}

/** Together with the pid this names a process for good; undefined if there is none. */
export async function processStartTime(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name in parentheses may contain anything; the fields after it are counted from the third.
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}
