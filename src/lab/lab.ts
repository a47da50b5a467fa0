import { GodwitError } from '../model/errors.ts';

/** Told one line per step; the line has no line break. */
export type Progress = (line: string) => void;

export const DEFAULT_LAB_NAME = 'lab';

export const MACHINE_KINDS = ['node', 'witness', 'client', 'switch'] as const;
export type MachineKind = (typeof MACHINE_KINDS)[number];

/** `cut`: up, but at least one of its networks is cut. `broken`: something of it is missing. */
export const MACHINE_STATES = ['up', 'frozen', 'crashed', 'cut', 'broken'] as const;
export type MachineState = (typeof MACHINE_STATES)[number];

export const LAB_NETWORKS = ['cluster', 'client', 'storage'] as const;
export type LabNetwork = (typeof LAB_NETWORKS)[number];

export interface LabMachineStatus {
  readonly name: string;
  readonly kind: MachineKind;
  readonly state: MachineState;
  /** Address on the cluster network (the client machine: on the client network). */
  readonly address: string;
  /** The node's API as reached from this host; null where there is none. */
  readonly url: string | null;
  /** Network namespace of the machine. */
  readonly namespace: string;
  /** Networks that are cut at the moment. */
  readonly cut: readonly LabNetwork[];
}

export interface LabStatus {
  readonly name: string;
  /** `partial`: an `up` that did not finish, or a garbled state file; only `lab down` helps. */
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

export interface LabUpOptions {
  readonly name: string;
  /** 1 to 9, default 2. */
  readonly nodes?: number;
  /** "1gbit" (default), "500mbit" …, "none" for unshaped. */
  readonly link?: string;
  /** Memory each node offers to VMs, in bytes; default 2 GiB. */
  readonly nodeMemoryBytes?: number;
  /** Leave a lab that failed to come up as it is, for inspection. */
  readonly keep?: boolean;
  /** false: guest memory crosses the network in the clear (for measuring). Default true. */
  readonly migrationTls?: boolean;
  readonly accelerator?: 'auto' | 'kvm' | 'tcg';
  /** For tests of the lab itself: run this instead of agents, and wait for no API. */
  readonly agentCommand?: readonly string[];
  readonly progress?: Progress;
}

export async function labUp(_options: LabUpOptions): Promise<{ readonly status: LabStatus; readonly wasUp: boolean }> {
  throw notYet();
}

/** Idempotent; true if there was something to take down. */
export async function labDown(_name: string, _progress?: Progress): Promise<boolean> {
  throw notYet();
}

/** Throws LAB_NOT_FOUND. */
export async function labStatus(_name: string): Promise<LabStatus> {
  throw notYet();
}

/** Names of the labs on this machine, sorted. Needs no root. */
export async function labNames(): Promise<string[]> {
  throw notYet();
}

/** Runs a command inside a machine with this process's standard streams; resolves to its exit status (128 + signal). */
export async function labExec(_name: string, _machine: string, _command: readonly string[]): Promise<number> {
  throw notYet();
}

/** Power loss: all processes and devices of the machine are gone at once; its disk stays. */
export async function labCrash(_name: string, _machine: string): Promise<void> {
  throw notYet();
}

/** Stops all processes of the machine where they are, as a hung machine would. */
export async function labFreeze(_name: string, _machine: string): Promise<void> {
  throw notYet();
}

export async function labThaw(_name: string, _machine: string): Promise<void> {
  throw notYet();
}

/** Switches a crashed machine on again. */
export async function labBoot(_name: string, _machine: string): Promise<void> {
  throw notYet();
}

/** Silently drops all frames between the machine and the network(s); the links stay up. No network named: all. */
export async function labCut(_name: string, _machine: string, _network?: LabNetwork): Promise<void> {
  throw notYet();
}

export async function labMend(_name: string, _machine: string, _network?: LabNetwork): Promise<void> {
  throw notYet();
}

function notYet(): GodwitError {
  return new GodwitError({ code: 'LAB_FAILED', message: 'Not built yet.', state: 'Nothing was changed.', nextStep: 'Wait.' });
}
