import { setTimeout as sleep } from 'node:timers/promises';
import {
  discardSavedMemory,
  getVm,
  pauseVm,
  resetVm,
  resumeVm,
  saveVm,
  shutDownVm,
  startVm,
  turnOffVm,
  type VmView,
} from '../contract/vms.ts';
import { ERROR_CODES, type ErrorCode, GodwitError } from '../model/errors.ts';
import type { Cluster } from './cluster.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { vmSentence } from './vm-text.ts';

export type PowerAction = 'start' | 'shutdown' | 'turn-off' | 'pause' | 'resume' | 'reset' | 'save';

const ACTIONS = {
  start: { route: startVm, deadlineMs: 60_000, doing: 'start' },
  shutdown: { route: shutDownVm, deadlineMs: 90_000, doing: 'shut down' },
  'turn-off': { route: turnOffVm, deadlineMs: 60_000, doing: 'turn off' },
  pause: { route: pauseVm, deadlineMs: 30_000, doing: 'pause' },
  resume: { route: resumeVm, deadlineMs: 30_000, doing: 'resume' },
  reset: { route: resetVm, deadlineMs: 30_000, doing: 'reset' },
  save: { route: saveVm, deadlineMs: 600_000, doing: 'save' },
} as const;

/** All of its memory is read from the volume, as it was written. */
const LOADING_DEADLINE_MS = ACTIONS.save.deadlineMs;

const POLL_PERIOD_MS = 100;

/** Asks, and waits until the VM's owner is done with the request. */
export async function vmPower(
  context: Context,
  name: string,
  options: { readonly action: PowerAction; readonly wait: boolean },
): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  if (options.wait) {
    const vm = await changePower(cluster, name, options.action);
    report(context, vm, () => vmSentence(vm));
    return EXIT_DONE;
  }
  const taken = await cluster.call(ACTIONS[options.action].route, { params: { name } });
  report(context, { vm: name, action: options.action, ...taken }, () => `${name}: the request is taken.`);
  return EXIT_DONE;
}

/** `discard`: the saved memory goes. */
export async function vmDiscard(context: Context, name: string): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const vm = await cluster.call(discardSavedMemory, { params: { name } });
  report(context, vm, () => `The saved memory of ${name} is deleted. ${vmSentence(vm)}`);
  return EXIT_DONE;
}

/** Resolves with the VM as it is then; throws the error that its owner reported, or TIMED_OUT. */
export async function changePower(cluster: Cluster, name: string, action: PowerAction): Promise<VmView> {
  const { route, deadlineMs } = ACTIONS[action];
  const { requestId } = await cluster.call(route, { params: { name } });
  const askedAt = performance.now();
  let last: VmView | null = null;
  let wasNewest = false;
  let allowedMs: number = deadlineMs;
  while (performance.now() < askedAt + allowedMs) {
    last = (await look(cluster, name)) ?? last;
    // It is taken out of the record shortly before the guest goes on, and that is not the moment to give up.
    if (last?.saved != null) allowedMs = Math.max(allowedMs, LOADING_DEADLINE_MS);
    const newest = last?.request ?? null;
    wasNewest ||= newest?.id === requestId;
    const isSettled = newest !== null && last?.settledRequest === newest.id;
    // A guest that is asked once more to shut down answers both.
    const again = wasNewest && isSettled && newest.action === action;
    if (last !== null && (last.settledRequest === requestId || again)) {
      if (last.error !== null) throw failure(last, last.error);
      return last;
    }
    if (last !== null && isSettled) throw overtaken(last, action);
    await sleep(POLL_PERIOD_MS);
  }
  throw timedOut(name, { action, last, allowedMs });
}

/** Null while no node answers: whoever answers later knows what has become of it. */
async function look(cluster: Cluster, name: string): Promise<VmView | null> {
  try {
    return await cluster.call(getVm, { params: { name } });
  } catch (error) {
    if (error instanceof GodwitError && ERROR_CODES[error.code].httpStatus === 503) return null;
    throw error;
  }
}

function failure(vm: VmView, error: NonNullable<VmView['error']>): GodwitError {
  return new GodwitError({
    code: error.code in ERROR_CODES ? (error.code as ErrorCode) : 'INTERNAL',
    message: error.message,
    state: vmSentence(vm),
    nextStep: error.nextStep,
  });
}

function overtaken(vm: VmView, action: PowerAction): GodwitError {
  return new GodwitError({
    code: 'CONCURRENT_CHANGE',
    message: `The request to ${ACTIONS[action].doing} ${vm.name} was replaced by another one: ${vm.request?.action ?? 'unknown'}.`,
    state: vmSentence(vm),
    nextStep: 'Try again if it is still wanted.',
  });
}

function timedOut(
  name: string,
  given: { readonly action: PowerAction; readonly last: VmView | null; readonly allowedMs: number },
): GodwitError {
  const { doing } = ACTIONS[given.action];
  return new GodwitError({
    code: 'TIMED_OUT',
    message: `The request to ${doing} ${name} was not settled within ${given.allowedMs / 1000} s.`,
    state:
      given.last === null
        ? 'Unknown: no node answered. The request stands.'
        : `${vmSentence(given.last)} The request stands.`,
    nextStep:
      given.action === 'shutdown'
        ? `See \`godwit vm show ${name}\`; a guest that ignores the request can be turned off with \`godwit vm turn-off ${name}\`.`
        : `See \`godwit vm show ${name}\` and \`godwit node list\`.`,
  });
}
