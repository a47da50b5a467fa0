import { decideRestart, failedLatelyOn, restartDelayMs } from '../failover/restart-policy.ts';
import type { VmRestarts } from '../model/availability.ts';
import type { NodeName } from '../model/names.ts';
import { availabilityOf } from '../placement/occupancy.ts';
import type { SavedMemory, VmRecord, VmStatus } from '../model/vm.ts';
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
  /** Why this agent could not save it for the newest request; null: it has not tried, or could. */
  readonly saveFailed: VmStatus['error'];
  /** Whether this agent has reset the guest for the newest request. */
  readonly wasReset: boolean;
  /** Whether the guest of the latest QEMU had powered itself off. */
  readonly guestShutDown: boolean;
  /** This node, and its present boot. */
  readonly node: NodeName;
  readonly bootId: string;
  /** ISO time at which this node became a member, or one again after it had been fenced; null if it is none. Its VMs were ended before. */
  readonly memberSince: string | null;
  /** Wall clock of this node, in milliseconds since 1970. */
  readonly wallMs: number;
  /** Whether the node's authority lasts. Without it nothing happens to highly available VMs: the guard is about to stop them, or has. */
  readonly hasAuthority: boolean;
}

export type VmDecision =
  /** `againInMs`: look again then; absent: when something changes. */
  | { readonly action: 'nothing'; readonly reason: string; readonly againInMs?: number }
  /** It has failed here too often: see decideElsewhere in failover/elsewhere.ts. */
  | { readonly action: 'move-elsewhere'; readonly reason: string }
  /** `resume`: a guest that has not run here yet; `go-on`: one that was paused. */
  | {
      readonly action: 'start' | 'resume' | 'kill' | 'power-down' | 'pause' | 'go-on' | 'reset' | 'save';
      readonly reason: string;
    }
  | {
      readonly action: 'record';
      readonly state: VmStatus['state'];
      readonly reason: string;
      /** Settle the pending request. */
      readonly settle: boolean;
      /** The VM is down: its memory is free and it is no longer wanted to run. */
      readonly down: boolean;
      readonly error: VmStatus['error'];
      /** To be recorded; absent: as they were. */
      readonly restarts?: VmRestarts;
      /** Comes into the record; null: what is there goes, since the guest is about to run; absent: as it was. */
      readonly saved?: SavedMemory | null;
    };

type RecordDecision = Extract<VmDecision, { readonly action: 'record' }>;

export const SHUTDOWN_TIMEOUT_MS = 60_000;

export function decideVm(record: VmRecord, status: VmStatus | null, seen: VmObservation): VmDecision {
  if (record.highlyAvailable && !seen.hasAuthority) {
    return { action: 'nothing', reason: 'this node has no authority at present' };
  }
  const { request } = record;
  if (isPending(record, status)) {
    const interrupted = decideInterrupted(record, status, seen);
    if (interrupted !== null) return interrupted;
    switch (request?.action) {
      case undefined:
        break;
      case 'start':
        return decideStart(record, status, seen);
      case 'turn-off':
        return seen.runState === null ? down('Turned off', true) : { action: 'kill', reason: 'it is to be turned off' };
      case 'shutdown':
        return decideShutdown(seen);
      case 'delete':
        return { action: 'nothing', reason: 'it is being deleted' };
      case 'pause':
      case 'resume':
      case 'reset':
        return decideRunning(record, status, seen);
      case 'save':
        return decideSave(record, status, seen);
    }
  }
  return decideSteady(record, status, seen);
}

function isPending({ request }: VmRecord, status: VmStatus | null): boolean {
  return request !== null && request.id !== (status?.settledRequest ?? null);
}

/**
 * What to record when QEMU could not be started. A start that somebody asked for has failed, and he is told; one that the cluster
 * asked for follows the restart policy.
 */
export function decideStartFailed(
  record: VmRecord,
  status: VmStatus | null,
  failed: { readonly error: NonNullable<VmStatus['error']> } & Pick<VmObservation, 'node' | 'wallMs'>,
): VmDecision {
  const kept = record.saved === undefined ? '' : ' Its saved memory is kept.';
  const error = { ...failed.error, message: `${failed.error.message}${kept}` };
  if (record.highlyAvailable && !isPending(record, status) && record.desired === 'running') {
    return decideFailed(record, status, { ...failed, what: `It could not be started: ${error.message}` });
  }
  return { action: 'record', state: 'failed', reason: error.message, settle: true, down: true, error };
}

function decideStart(record: VmRecord, status: VmStatus | null, seen: VmObservation): VmDecision {
  const halfLoaded = decideHalfLoaded(record, seen);
  if (halfLoaded !== null) return halfLoaded;
  switch (seen.runState) {
    case null:
      return { action: 'start', reason: 'it is to run' };
    case 'running':
      return up('Started', true);
    case 'shutdown':
      return { action: 'kill', reason: 'the guest had shut down; it is to be started anew' };
    case 'postmigrate':
      return decideLeft(status?.state ?? 'off');
    case 'inmigrate':
    case 'finish-migrate':
    case 'io-error':
    case 'other':
      return { action: 'nothing', reason: `QEMU is ${seen.runState}` };
    case 'paused':
    case 'prelaunch':
      return { action: 'resume', reason: 'QEMU waits for its first start' };
  }
}

/**
 * While its memory is in a file the only QEMU of use is one that has loaded it, and is `paused`: one that still waits for it has lost its
 * agent, and one that was saved is as old as the file.
 */
function decideHalfLoaded({ saved }: VmRecord, { runState }: VmObservation): VmDecision | null {
  if (saved === undefined || runState === null || runState === 'paused') return null;
  // It should not be; then at least the file is of no use any more.
  if (runState === 'running') return { ...up('Runs', false), saved: null };
  return { action: 'kill', reason: 'its memory is in a file' };
}

/**
 * It was to be saved, and something else was asked for before it was, or its agent ended. The guest stands still then, as nobody wants it
 * to; what is asked of it now it is to hear.
 */
function decideInterrupted(record: VmRecord, status: VmStatus | null, seen: VmObservation): VmDecision | null {
  const goOn: VmDecision = { action: 'go-on', reason: 'it was to be saved, and is not any more' };
  const [state, action] = [status?.state, record.request?.action];
  if (action === 'save' || action === 'turn-off' || action === 'start') return null;
  if (seen.runState === 'postmigrate') return state === 'running' || state === 'paused' ? goOn : null;
  return seen.runState === 'paused' && state === 'running' && action !== 'pause' ? goOn : null;
}

/** A file that was not recorded is of no use: whoever wrote it may have ended before it was safe on disk. So it is written anew. */
function decideSave(record: VmRecord, status: VmStatus | null, seen: VmObservation): VmDecision {
  switch (seen.runState) {
    case 'running':
    case 'paused':
      if (seen.saveFailed === null) return { action: 'save', reason: 'it is to be saved' };
      return decideUnsaved(status, seen.runState, seen.saveFailed);
    case 'postmigrate':
      return { action: 'go-on', reason: 'what was saved of it was not recorded' };
    case 'inmigrate':
    case 'finish-migrate':
    case 'other':
      return { action: 'nothing', reason: `QEMU is ${seen.runState}` };
    case null:
      return withoutGuest(record, status, seen);
    case 'io-error':
      return tooLate(
        status,
        `A disk of ${record.definition.name} has failed; its guest waits for it and cannot be saved.`,
      );
    case 'prelaunch':
    case 'shutdown':
      if (seen.runState === 'prelaunch' && status?.state === 'running') return decideSteady(record, status, seen);
      return tooLate(status, `There is no running guest of ${record.definition.name} any more.`);
  }
}

/** As it was before, and only then whoever asked is told. */
function decideUnsaved(
  status: VmStatus | null,
  runState: 'running' | 'paused',
  error: NonNullable<VmStatus['error']>,
): VmDecision {
  const reason = 'It could not be saved';
  const was = status?.state === 'paused' ? 'paused' : 'running';
  if (runState === was) return { ...(was === 'paused' ? paused : up)(reason, true), error };
  return { action: was === 'paused' ? 'pause' : 'go-on', reason: `it could not be saved, and was ${was}` };
}

/** What is recorded of a guest whose memory is in a file: from then on it goes on from there only. */
export function savedAs(saved: SavedMemory): RecordDecision {
  const reason = 'Saved on request; its next start goes on from there';
  return { action: 'record', state: 'saved', reason, settle: true, down: true, error: null, saved };
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

/** A request about a guest that runs or is paused: none of them starts or ends its QEMU. */
function decideRunning(record: VmRecord, status: VmStatus | null, seen: VmObservation): VmDecision {
  const action = record.request?.action;
  switch (seen.runState) {
    case 'running':
      if (action === 'pause') return { action: 'pause', reason: 'it is to be paused' };
      if (action === 'resume') return up('Resumed', true);
      return seen.wasReset ? up('Reset', true) : { action: 'reset', reason: 'it is to be reset' };
    case 'paused':
    case 'io-error':
      if (action === 'resume') return { action: 'go-on', reason: 'it is to go on' };
      if (action === 'pause' && seen.runState === 'paused') return paused('Paused on request', true);
      return tooLate(status, `The guest of ${record.definition.name} does not run.`);
    case 'inmigrate':
    case 'finish-migrate':
    case 'other':
      return { action: 'nothing', reason: `QEMU is ${seen.runState}` };
    // It is not asked of the next guest, which is about to boot.
    case null:
      return withoutGuest(record, status, seen);
    case 'prelaunch':
    case 'postmigrate':
    case 'shutdown':
      return tooLate(status, `There is no running guest of ${record.definition.name} any more.`);
  }
}

/**
 * The request fails together with what becomes of the VM: recorded on its own, its status would be one of this boot, and nobody could tell
 * any more that its QEMU had ended with the one before.
 */
function withoutGuest(record: VmRecord, status: VmStatus | null, seen: VmObservation): VmDecision {
  const failed = tooLate(status, `There is no running guest of ${record.definition.name} any more.`);
  const next = decideWithoutProcess(record, status, seen);
  return next.action === 'record' ? { ...next, settle: true, error: next.error ?? failed.error } : failed;
}

/** Settles the request and leaves the rest to the next look. */
function tooLate(status: VmStatus | null, message: string): RecordDecision {
  const nextStep = 'See its state, and try again if it is still wanted.';
  return {
    ...{ action: 'record', state: status?.state ?? 'off', reason: status?.reason ?? 'Not started yet' },
    ...{ settle: true, down: false, error: { code: 'VM_STATE_UNSUITABLE', message, nextStep } },
  } as RecordDecision;
}

function decideSteady(record: VmRecord, status: VmStatus | null, seen: VmObservation): VmDecision {
  const state = status?.state ?? 'off';
  // Whatever is left of it here must never go on: it would make the file worthless.
  if (state === 'saved' && seen.runState !== null) return { action: 'kill', reason: 'it is saved' };
  const halfLoaded = decideHalfLoaded(record, seen);
  if (halfLoaded !== null) return halfLoaded;
  switch (seen.runState) {
    case null:
      return decideWithoutProcess(record, status, seen);
    case 'shutdown':
      return { action: 'kill', reason: 'the guest has shut itself down' };
    case 'running':
      if (record.desired === 'off') return { action: 'kill', reason: 'it is not to run' };
      if (state === 'running' && status?.instance === seen.instance) return { action: 'nothing', reason: 'it runs' };
      return up(state === 'running' ? (status?.reason ?? 'Runs') : 'Runs', false);
    case 'paused':
    case 'io-error':
      if (state === 'paused') return { action: 'nothing', reason: 'it is paused' };
      if (seen.runState === 'paused' && record.desired === 'running') {
        if (state === 'starting') return { action: 'resume', reason: 'its saved memory is loaded' };
        // Nobody has asked for a pause: it was to be saved, and its agent ended.
        if (state === 'running') return { action: 'go-on', reason: 'it is to run' };
      }
      return paused(seen.runState === 'io-error' ? 'QEMU stopped the guest: a disk failed' : 'Paused', false);
    case 'prelaunch':
      if (record.desired === 'off') return { action: 'kill', reason: 'it is not to run' };
      // A guest that resets itself in the moment in which it is stopped.
      if (state === 'running') return { action: 'go-on', reason: 'it is to run' };
      if (state === 'starting') return { action: 'resume', reason: 'QEMU waits for its first start' };
      return { action: 'nothing', reason: 'QEMU is prelaunch' };
    case 'postmigrate':
      return decideLeft(state);
    case 'inmigrate':
    case 'finish-migrate':
    case 'other':
      return { action: 'nothing', reason: `QEMU is ${seen.runState}` };
  }
}

/**
 * QEMU has sent everything away, but the VM is this node's and its migration is closed: its agent ended between closing it and letting the
 * guest go on. It is closed so only when no other copy ever ran; to be started from its disk it must go.
 */
function decideLeft(state: VmStatus['state']): VmDecision {
  if (state === 'running') return { action: 'resume', reason: 'the migration is closed, and it stays here' };
  // Nobody migrates a paused guest: it was to be saved, and its agent ended before that was recorded.
  if (state === 'paused') return { action: 'go-on', reason: 'it was not saved, and its memory is still here' };
  return { action: 'kill', reason: 'its memory is of no use any more' };
}

/** There is no QEMU of it here: it was never started, it has ended, or the node was restarted. */
function decideWithoutProcess(record: VmRecord, status: VmStatus | null, seen: VmObservation): VmDecision {
  const state = status?.state ?? 'off';
  if (state === 'off' || state === 'saved' || status === null) return { action: 'nothing', reason: `it is ${state}` };
  if (record.desired === 'off')
    return state === 'failed' ? { action: 'nothing', reason: 'it is failed' } : down('It is off', false);
  if (state === 'starting' && status.instance === null) return decideOrderedStart(status, seen);
  const lost = state === 'paused' ? ' while it was paused, so its memory is lost' : '';
  const endedWithNode = whyEndedWithNode(status, seen);
  const ended = endedWithNode === null ? null : `${endedWithNode}${lost}`;
  if (ended !== null) {
    if (record.highlyAvailable) return starting(`${ended}; restarted here`);
    if (record.automaticStart) return starting(`${ended}; it starts with its node`);
    return state === 'failed'
      ? { action: 'nothing', reason: 'it is failed' }
      : down(`${ended}, and it does not start with its node`, false);
  }
  if (state === 'failed') return { action: 'nothing', reason: 'it is failed' };
  if (seen.guestShutDown) return down('The guest shut itself down', false);
  const what = `Its QEMU ended unexpectedly${lost}${seen.lastWords === '' ? '' : `: ${seen.lastWords}`}`;
  if (record.highlyAvailable) return decideFailed(record, status, { ...seen, what });
  return { action: 'record', state: 'failed', reason: what, settle: false, down: true, error: null };
}

/** A failover, a settled migration or an earlier look has said that it is to start here. */
function decideOrderedStart(status: VmStatus, seen: VmObservation): VmDecision {
  if (failedLatelyOn(status.restarts, seen.wallMs).includes(seen.node)) {
    return { action: 'move-elsewhere', reason: status.reason };
  }
  const delayMs = restartDelayMs(status.restarts, seen.wallMs);
  const waitedMs = seen.wallMs - Date.parse(status.since);
  // A clock that was set back must not hold it up.
  if (waitedMs >= 0 && waitedMs < delayMs) {
    return { action: 'nothing', reason: 'its restart waits for a while', againInMs: delayMs - waitedMs };
  }
  return { action: 'start', reason: 'it is to be started here' };
}

/** Null if its process ended by itself. */
function whyEndedWithNode(status: VmStatus, { bootId, memberSince, node }: VmObservation): string | null {
  if (status.bootId !== undefined && status.bootId !== bootId) return `${node} was restarted`;
  // Times of one node's clock. Before it became a member again it ended what it still had.
  if (memberSince !== null && Date.parse(status.since) < Date.parse(memberSince)) return `${node} had been fenced`;
  return null;
}

function decideFailed(
  record: VmRecord,
  status: VmStatus | null,
  { what, node, wallMs }: Pick<VmObservation, 'node' | 'wallMs'> & { readonly what: string },
): VmDecision {
  const limits = availabilityOf(record).restart;
  const { kind, restarts, reason } = decideRestart({ limits, restarts: status?.restarts, node, wallMs });
  if (kind === 'failed') {
    const why = `${what}; ${reason}`;
    return { action: 'record', state: 'failed', reason: why, settle: false, down: true, error: null, restarts };
  }
  return { ...starting(`${what}; ${reason}`), restarts };
}

/** Its next look starts it. */
function starting(reason: string): VmDecision & { readonly action: 'record' } {
  return { action: 'record', state: 'starting', reason, settle: false, down: false, error: null };
}

function up(reason: string, settle: boolean): RecordDecision {
  return { action: 'record', state: 'running', reason, settle, down: false, error: null };
}

function paused(reason: string, settle: boolean): RecordDecision {
  return { action: 'record', state: 'paused', reason, settle, down: false, error: null };
}

function down(reason: string, settle: boolean): VmDecision {
  return { action: 'record', state: 'off', reason, settle, down: true, error: null };
}
