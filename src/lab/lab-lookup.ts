/** Which labs there are. */
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { parseName } from '../model/names.ts';
import { labsInCgroups } from './cgroups.ts';
import type { LabState } from './lab-state.ts';
import { labsOnDisk, readState } from './lab-state.ts';
import { labsInNamespaces } from './namespaces.ts';

/** Names of the labs on this machine, whatever state they are in, sorted. Needs no root. */
export async function labNames(): Promise<string[]> {
  const names = [...(await labsOnDisk()), ...(await labsInNamespaces()), ...(await labsInCgroups().catch(() => []))];
  return [...new Set(names)].sort();
}

/** The state of a lab that is there; throws where there is none, or none that can be read. */
export async function stateOf(name: string): Promise<LabState> {
  const state = await readState(parseName('lab', name));
  if (typeof state !== 'string') return state;
  const names = await labNames();
  if (names.includes(name)) {
    throw new GodwitError({
      code: 'LAB_FAILED',
      message: `Of the lab "${name}" only remains are there: its state file is missing or cannot be read.`,
      state: NOTHING_CHANGED,
      nextStep: `Run \`godwit lab down --name ${name}\`.`,
    });
  }
  throw new GodwitError({
    code: 'LAB_NOT_FOUND',
    message: `There is no lab "${name}" on this machine.`,
    state: NOTHING_CHANGED,
    nextStep:
      names.length === 0 ? 'Bring it up with `godwit lab up`.' : `Name one of these with --name: ${names.join(', ')}.`,
  });
}
