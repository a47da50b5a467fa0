import type { VmRecord, VmStatus } from '../model/vm.ts';
import type { RunState } from '../ports/hypervisor.ts';

/**
 * What the owner does next for one VM whose migration intent is not open. Pure: what was asked, what is
 * recorded and what QEMU says in, one action with its reason out. Level-triggered: nothing is
 * remembered between two looks but how long the guest has been asked to shut down.
 */
export interface VmObservation {
  /** null: there is no QEMU of this VM here. */
  readonly runState: RunState | null;
  readonly instance: string | null;
  /** QEMU's last words, if one ended here. */
  readonly lastWords: string;
  /** Since this agent pressed the guest's power button, in milliseconds; null if it did not. */
  readonly shutdownAskedForMs: number | null;
}

export type VmDecision =
  | { readonly action: 'nothing'; readonly reason: string }
  | { readonly action: 'start' | 'resume' | 'kill' | 'power-down'; readonly reason: string }
  | {
      readonly action: 'record';
      readonly state: VmStatus['state'];
      readonly reason: string;
      /** Settle the pending request. */
      readonly settle: boolean;
      /** The VM is down: its memory is free and it is no longer wanted to run. */
      readonly down: boolean;
      readonly error: VmStatus['error'];
    };

export const SHUTDOWN_TIMEOUT_MS = 60_000;

export function decideVm(record: VmRecord, status: VmStatus | null, seen: VmObservation): VmDecision {
  const { request } = record;
  if (request !== null && request.id !== (status?.settledRequest ?? null)) {
    switch (request.action) {
      case 'start':
        return decideStart(seen);
      case 'turn-off':
        return seen.runState === null ? down('Turned off', true) : { action: 'kill', reason: 'it is to be turned off' };
      case 'shutdown':
        return decideShutdown(seen);
      case 'delete':
        return { action: 'nothing', reason: 'it is being deleted' };
    }
  }
  return decideSteady(record, status, seen);
}

function decideStart(seen: VmObservation): VmDecision {
  switch (seen.runState) {
    case null:
      return { action: 'start', reason: 'it is to run' };
    case 'running':
      return up('Started', true);
    case 'shutdown':
      return { action: 'kill', reason: 'the guest had shut down; it is to be started anew' };
    case 'inmigrate':
    case 'finish-migrate':
    case 'postmigrate':
    case 'io-error':
    case 'other':
      return { action: 'nothing', reason: `QEMU is ${seen.runState}` };
    case 'paused':
    case 'prelaunch':
      return { action: 'resume', reason: 'QEMU waits for its first start' };
  }
}

function decideShutdown(seen: VmObservation): VmDecision {
  if (seen.runState === null) return down('The guest shut down', true);
  if (seen.runState === 'shutdown') return { action: 'kill', reason: 'the guest has shut down' };
  if (seen.shutdownAskedForMs === null) return { action: 'power-down', reason: 'the guest is asked to shut down' };
  if (seen.shutdownAskedForMs < SHUTDOWN_TIMEOUT_MS) return { action: 'nothing', reason: 'the guest is shutting down' };
  return {
    action: 'record',
    state: 'running',
    reason: 'The guest did not shut down when asked',
    settle: true,
    down: false,
    error: {
      code: 'GUEST_DID_NOT_SHUT_DOWN',
      message: `The guest did not shut down within ${SHUTDOWN_TIMEOUT_MS / 1000} s.`,
      nextStep: 'Shut it down from inside, or turn it off.',
    },
  };
}

function decideSteady(record: VmRecord, status: VmStatus | null, seen: VmObservation): VmDecision {
  const state = status?.state ?? 'off';
  switch (seen.runState) {
    case null:
      if (state === 'off' || state === 'failed' || state === 'saved')
        return { action: 'nothing', reason: `it is ${state}` };
      return {
        action: 'record',
        state: 'failed',
        reason: `Its QEMU ended unexpectedly${seen.lastWords === '' ? '' : `: ${seen.lastWords}`}`,
        settle: false,
        down: true,
        error: null,
      };
    case 'shutdown':
      return { action: 'kill', reason: 'the guest has shut itself down' };
    case 'running':
      if (record.desired === 'off') return { action: 'kill', reason: 'it is not to run' };
      if (state === 'running' && status?.instance === seen.instance) return { action: 'nothing', reason: 'it runs' };
      return up(state === 'running' ? (status?.reason ?? 'Runs') : 'Runs', false);
    case 'paused':
    case 'io-error':
      if (state === 'paused') return { action: 'nothing', reason: 'it is paused' };
      return {
        action: 'record',
        state: 'paused',
        reason: seen.runState === 'io-error' ? 'QEMU stopped the guest: a disk failed' : 'Paused',
        settle: false,
        down: false,
        error: null,
      };
    case 'prelaunch':
    case 'inmigrate':
    case 'finish-migrate':
    case 'postmigrate':
    case 'other':
      return { action: 'nothing', reason: `QEMU is ${seen.runState}` };
  }
}

function up(reason: string, settle: boolean): VmDecision {
  return { action: 'record', state: 'running', reason, settle, down: false, error: null };
}

function down(reason: string, settle: boolean): VmDecision {
  return { action: 'record', state: 'off', reason, settle, down: true, error: null };
}
