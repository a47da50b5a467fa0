/** What can happen to a lab's machines: commands run on them, power fails, they hang, cables are cut. */
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { isFrozen, machineCgroup, setFrozen } from './cgroups.ts';
import { stateOf } from './lab-lookup.ts';
import type { CutDirection, LabNetwork, Machine } from './lab-plan.ts';
import { linksToCut, SWITCH } from './lab-plan.ts';
import type { LabState } from './lab-state.ts';
import { lock, writeState } from './lab-state.ts';
import { powerOff, powerOn, runInMachine } from './machines.ts';
import { cutCables, machinesWithNamespace, mendCables } from './namespaces.ts';
import { requireRoot } from './requirements.ts';

/** Runs a command inside a machine, or in the `switch`, with this process's standard streams; resolves to its exit status. */
export async function labExec(name: string, machine: string, command: readonly string[]): Promise<number> {
  requireRoot('run a command in a lab');
  const state = await stateOf(name);
  if (machine !== SWITCH) {
    await findPowered(state, machine);
    // It would join the stopped processes and never end.
    if (await isFrozen(await machineCgroup(name, machine))) {
      throw invalid(`${machine} is frozen: nothing can run on it.`, `Thaw it first: godwit lab thaw ${machine}`);
    }
  }
  return runInMachine(name, machine, command);
}

/** Power loss: all processes and devices of the machine are gone at once; its disk stays. */
export async function labCrash(name: string, machine: string): Promise<void> {
  await change(name, async (state) => {
    refuseClient(await findPowered(state, machine));
    await powerOff(name, machine);
  });
}

/** Switches a crashed machine on again. */
export async function labBoot(name: string, machine: string): Promise<void> {
  await change(name, async (state) => {
    const found = findMachine(state, machine);
    if ((await machinesWithNamespace(name)).includes(machine)) {
      throw invalid(`${machine} is switched on already.`, 'To start it anew, crash it first: `godwit lab crash`.');
    }
    await powerOn(state, found);
  });
}

/** Stops all processes of the machine where they are, as a machine that hangs would. */
export async function labFreeze(name: string, machine: string): Promise<void> {
  await change(name, async (state) => {
    await findPowered(state, machine);
    await setFrozen(await machineCgroup(name, machine), true);
  });
}

export async function labThaw(name: string, machine: string): Promise<void> {
  await change(name, async (state) => {
    await findPowered(state, machine);
    await setFrozen(await machineCgroup(name, machine), false);
  });
}

/**
 * Silently drops the frames between the machine and the network, in both directions unless one is named; the links stay up.
 * No network named: all it is on.
 */
export async function labCut(
  name: string,
  machine: string,
  { network, direction = 'both' }: { network?: LabNetwork; direction?: CutDirection } = {},
): Promise<void> {
  await setCables(name, machine, { network, cut: direction });
}

export async function labMend(name: string, machine: string, network?: LabNetwork): Promise<void> {
  await setCables(name, machine, { network, cut: null });
}

async function setCables(
  name: string,
  machine: string,
  { network, cut }: { network: LabNetwork | undefined; cut: CutDirection | null },
): Promise<void> {
  await change(name, async (state) => {
    const found = findMachine(state, machine);
    const links = linksToCut(found, network);
    const cuts = { ...state.cut[machine] };
    for (const link of links) {
      if (cut === null) delete cuts[link.network];
      else cuts[link.network] = cut;
    }
    // A machine that is off has no cables; it will find them so when it is booted.
    if ((await machinesWithNamespace(name)).includes(machine)) {
      await (cut === null ? mendCables(state.plan, links) : cutCables(state.plan, links, cut));
    }
    await writeState({ ...state, cut: { ...state.cut, [machine]: cuts } });
  });
}

async function change(name: string, act: (state: LabState) => Promise<void>): Promise<void> {
  requireRoot('change a lab');
  await stateOf(name);
  await using _lock = await lock(name);
  await act(await stateOf(name));
}

function findMachine(state: LabState, machine: string): Machine {
  const found = state.plan.machines.find((candidate) => candidate.name === machine);
  if (found !== undefined) return found;
  throw new GodwitError({
    code: 'MACHINE_NOT_FOUND',
    message: `The lab "${state.plan.name}" has no machine "${machine}".`,
    state: NOTHING_CHANGED,
    nextStep: `Its machines are ${state.plan.machines.map((candidate) => candidate.name).join(', ')}.`,
  });
}

async function findPowered(state: LabState, machine: string): Promise<Machine> {
  const found = findMachine(state, machine);
  if ((await machinesWithNamespace(state.plan.name)).includes(machine)) return found;
  throw invalid(`${machine} has crashed: it is switched off.`, `Switch it on: godwit lab boot ${machine}`);
}

function refuseClient(machine: Machine): void {
  if (machine.kind === 'client') {
    throw invalid(
      'The client machine cannot be crashed: the way to the nodes goes through it.',
      'Name a node or the witness.',
    );
  }
}

function invalid(message: string, nextStep: string): GodwitError {
  return new GodwitError({ code: 'INVALID_INPUT', message, state: NOTHING_CHANGED, nextStep });
}
