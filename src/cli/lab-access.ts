/** How labs on this machine are reached. Reads the state files only: other commands must not pay for the lab's code. */
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { parseName } from '../model/names.ts';
import { API_PORT, gatewayAddress } from '../lab/lab-plan.ts';
import { type LabState, labPaths, labsOnDisk, readState } from '../lab/lab-state.ts';
import type { LabAccess } from './cluster-selection.ts';

/** Labs with a state that can be read, sorted. */
export async function readLabNames(): Promise<string[]> {
  return labsOnDisk();
}

export async function readLabAccess(name: string): Promise<LabAccess> {
  const state = await readLabState(name);
  const urls = state.plan.machines.flatMap((machine) => {
    const address = gatewayAddress(state.plan, machine.name);
    return address === undefined ? [] : [`https://${address}:${API_PORT}`];
  });
  return { urls, user: state.user, password: state.password, caCertificate: labPaths.caCertificate(name) };
}

async function readLabState(name: string): Promise<LabState> {
  const state = await readState(parseName('lab', name));
  if (typeof state !== 'string') return state;
  const names = await labsOnDisk();
  throw new GodwitError(
    state === 'none'
      ? {
          code: 'LAB_NOT_FOUND',
          message: `There is no lab "${name}" on this machine.`,
          state: NOTHING_CHANGED,
          nextStep:
            names.length === 0
              ? 'Bring it up with `godwit lab up`.'
              : `Name one of these with --lab: ${names.join(', ')}.`,
        }
      : {
          code: 'LAB_FAILED',
          message: `Of the lab "${name}" only remains are there.`,
          state: NOTHING_CHANGED,
          nextStep: `Run \`godwit lab down --name ${name}\`.`,
        },
  );
}

/** The environment in which `godwit` inside a machine of the lab finds its cluster. Empty for a machine that reaches no node. */
export async function environmentInMachine(name: string, machine: string): Promise<Record<string, string>> {
  const { plan, user, password } = await readLabState(name);
  const networks = plan.machines.find((candidate) => candidate.name === machine)?.links.map((link) => link.network);
  const nodes = plan.machines.filter((candidate) => candidate.kind === 'node');
  const ownFirst = [...nodes].sort((one, other) => Number(other.name === machine) - Number(one.name === machine));
  const urls = ownFirst.flatMap((node) => {
    const link = node.links.find((candidate) => networks?.includes(candidate.network));
    return link === undefined ? [] : [`https://${link.address}:${API_PORT}`];
  });
  if (urls.length === 0) return {};
  return {
    GODWIT_CLUSTER: urls.join(','),
    GODWIT_USER: user,
    GODWIT_PASSWORD: password,
    GODWIT_CA: labPaths.caCertificate(name),
  };
}
