import { describe, expect, test } from 'vitest';
import { testDefinition } from '../../test/doubles/cluster-facts.ts';
import { DEFAULT_AVAILABILITY, type VmAvailability } from '../model/availability.ts';
import type { VmRecord, VmRequest, VmStatus } from '../model/vm.ts';
import { decideStartFailed, decideVm, type VmDecision, type VmObservation } from './decide-vm.ts';

const WALL_MS = Date.parse('2026-01-02T12:00:00.000Z');
const at = (secondsAgo: number) => new Date(WALL_MS - secondsAgo * 1000).toISOString();

function record(change: Partial<VmRecord> = {}): VmRecord {
  return {
    ...{ definition: testDefinition('A'), desired: 'running', highlyAvailable: true, automaticStart: false },
    ...{ budgetMs: 50, createdAt: at(9999), request: null },
    ...change,
  };
}

function status(change: Partial<VmStatus> = {}): VmStatus {
  return {
    ...{ state: 'running', node: 'node1', instance: 'i1', since: at(3600), reason: 'Started', settledRequest: null },
    ...{ error: null, bootId: 'b' },
    ...change,
  };
}

function seen(change: Partial<VmObservation> = {}): VmObservation {
  return {
    ...{ runState: null, instance: null, lastWords: '', shutdownAskedForMs: null, guestShutDown: false },
    ...{ wasReset: false, saveFailed: null },
    ...{ node: 'node1', bootId: 'b', memberSince: at(7200), wallMs: WALL_MS, hasAuthority: true },
    ...change,
  };
}

const running = seen({ runState: 'running', instance: 'i1' });
const request = (action: VmRequest['action']): VmRequest => ({ id: 'r', action, at: at(1) });

describe('a VM that was told to change', () => {
  test('is started, and the request settled once it runs', () => {
    const asked = record({ request: request('start') });
    expect(decideVm(asked, status({ state: 'off', instance: null }), seen())).toMatchObject({ action: 'start' });
    expect(decideVm(asked, status({ state: 'starting' }), running)).toMatchObject({ state: 'running', settle: true });
  });

  test('is turned off for good', () => {
    const asked = record({ request: request('turn-off'), desired: 'off' });
    expect(decideVm(asked, status(), running)).toMatchObject({ action: 'kill' });
    expect(decideVm(asked, status(), seen())).toMatchObject({ action: 'record', state: 'off', down: true });
  });
});

describe('a guest that is to be paused, to go on or to be reset', () => {
  const still = seen({ runState: 'paused', instance: 'i1' });
  const settled = { settledRequest: 'r' };

  test('is stopped, and the request settled once it stands still', () => {
    const asked = record({ request: request('pause') });
    expect(decideVm(asked, status(), running)).toMatchObject({ action: 'pause' });
    expect(decideVm(asked, status(), still)).toMatchObject({ action: 'record', state: 'paused', settle: true });
  });

  test('stays paused when another agent looks, also after its authority was away', () => {
    const asked = record({ request: request('pause') });
    const after = status({ state: 'paused', ...settled });
    expect(decideVm(asked, after, still)).toMatchObject({ action: 'nothing' });
    expect(decideVm(asked, after, { ...still, hasAuthority: false })).toMatchObject({ action: 'nothing' });
  });

  test('goes on only after its right to run was proven, and is then recorded as running', () => {
    const asked = record({ request: request('resume') });
    expect(decideVm(asked, status({ state: 'paused' }), still)).toMatchObject({ action: 'go-on' });
    expect(decideVm(asked, status({ state: 'paused' }), { ...still, hasAuthority: false })).toMatchObject({
      action: 'nothing',
    });
    expect(decideVm(asked, status({ state: 'paused' }), running)).toMatchObject({ state: 'running', settle: true });
  });

  test('goes on after a disk had failed', () => {
    const asked = record({ request: request('resume') });
    const failed = seen({ runState: 'io-error', instance: 'i1' });
    expect(decideVm(asked, status({ state: 'paused' }), failed)).toMatchObject({ action: 'go-on' });
  });

  test('is reset once for each request', () => {
    const asked = record({ request: request('reset') });
    expect(decideVm(asked, status(), running)).toMatchObject({ action: 'reset' });
    expect(decideVm(asked, status(), { ...running, wasReset: true })).toMatchObject({ state: 'running', settle: true });
    expect(decideVm(asked, status(settled), running)).toMatchObject({ action: 'nothing' });
  });

  test.each(['pause', 'resume', 'reset'] as const)(
    'is not asked to %s when its QEMU has ended: the request fails and the restart goes on',
    (action) => {
      const asked = record({ request: request(action) });
      const answer = decideVm(asked, status({ state: 'running' }), seen());
      expect(answer).toMatchObject({ action: 'record', settle: true, error: { code: 'VM_STATE_UNSUITABLE' } });
      expect(decideVm(asked, status(settled), seen())).toMatchObject({ action: 'record', state: 'starting' });
    },
  );

  test('starts with its node after a reboot although a request was open, which fails', () => {
    const asked = record({ request: request('pause'), highlyAvailable: false, automaticStart: true });
    const answer = decideVm(asked, status({ bootId: 'earlier' }), seen());
    expect(answer).toMatchObject({ state: 'starting', settle: true, error: { code: 'VM_STATE_UNSUITABLE' } });
    expect(answer.reason).toContain('it starts with its node');
  });

  test('boots anew when its QEMU ends while it is paused, and the reason says that its memory is lost', () => {
    const again = decideVm(record(), status({ state: 'paused' }), seen());
    expect(again).toMatchObject({ action: 'record', state: 'starting' });
    // The node's boot is the same one.
    expect(again.reason).toMatch(/^Its QEMU ended unexpectedly while it was paused, so its memory is lost;/);
    const rebooted = decideVm(record(), status({ state: 'paused', bootId: 'earlier' }), seen());
    expect(rebooted.reason).toBe('node1 was restarted while it was paused, so its memory is lost; restarted here');
  });
});

describe('a VM whose migration was closed by an agent that ended then', () => {
  const left = seen({ runState: 'postmigrate', instance: 'i1' });

  test('goes on where it is: no other copy ever ran', () => {
    expect(decideVm(record(), status(), left)).toMatchObject({ action: 'resume' });
  });

  test('loses its old memory when it is to be started from its disk', () => {
    expect(decideVm(record(), status({ state: 'starting', instance: null }), left)).toMatchObject({ action: 'kill' });
  });
});

describe('a VM that the failover has put here', () => {
  const ordered = status({ state: 'starting', instance: null, reason: 'node2 was fenced' });

  test('is started, resumed, and recorded as running', () => {
    expect(decideVm(record(), ordered, seen())).toMatchObject({ action: 'start' });
    const prelaunch = seen({ runState: 'prelaunch', instance: 'i2' });
    expect(decideVm(record(), ordered, prelaunch)).toMatchObject({ action: 'resume' });
    const after = seen({ runState: 'running', instance: 'i2' });
    expect(decideVm(record(), status({ state: 'starting', instance: 'i2' }), after)).toMatchObject({
      state: 'running',
    });
  });

  test('is not started when it is to be off', () => {
    const off = record({ desired: 'off' });
    expect(decideVm(off, ordered, seen())).toMatchObject({ action: 'record', state: 'off' });
    expect(decideVm(off, ordered, seen({ runState: 'prelaunch', instance: 'i2' }))).toMatchObject({ action: 'kill' });
  });

  test('waits for the authority of the node', () => {
    expect(decideVm(record(), ordered, seen({ hasAuthority: false }))).toMatchObject({ action: 'nothing' });
    const other = record({ highlyAvailable: false });
    expect(decideVm(other, ordered, seen({ hasAuthority: false }))).toMatchObject({ action: 'start' });
  });
});

describe('a VM whose QEMU has ended', () => {
  const crashed = seen({ lastWords: 'KVM internal error' });

  /** What happens to it when it crashes right after every start on node1. */
  function crashes(availability: Partial<VmAvailability>): VmDecision[] {
    const owned = record({ availability: { ...DEFAULT_AVAILABILITY, ...availability } });
    const decisions: VmDecision[] = [];
    let known = status();
    for (let time = 0; time < 10; time += 1) {
      const decision = decideVm(owned, known, { ...crashed, wallMs: WALL_MS + time * 60_000 });
      decisions.push(decision);
      if (decision.action === 'start') known = { ...known, instance: `i${time}` };
      else if (decision.action === 'record' && !decision.down) {
        const since = new Date(WALL_MS + time * 60_000).toISOString();
        known = {
          ...known,
          ...(decision.restarts && { restarts: decision.restarts }),
          state: decision.state,
          instance: null,
          since,
        };
      } else break;
    }
    return decisions;
  }

  test('is restarted here first, then moves elsewhere', () => {
    const [first, second, third, fourth] = crashes({ restart: { here: 1, elsewhere: 1 } });
    expect(first).toMatchObject({ state: 'starting', down: false, restarts: { here: 1 } });
    expect(first?.reason).toBe('Its QEMU ended unexpectedly: KVM internal error; restarted on node1 (1 of 1)');
    expect(second).toMatchObject({ action: 'start' });
    expect(third).toMatchObject({ state: 'starting', restarts: { failedOn: ['node1'] } });
    expect(fourth).toMatchObject({ action: 'move-elsewhere' });
  });

  test('has failed, with the reason, when no restart is left', () => {
    const [only] = crashes({ restart: { here: 0, elsewhere: 0 } });
    expect(only).toMatchObject({ state: 'failed', down: true });
    expect(only?.reason).toBe('Its QEMU ended unexpectedly: KVM internal error; its restarts are used up');
  });

  test('is restarted at once, and from the second time on after a while', () => {
    const restarts = { since: at(60), here: 2, elsewhere: 0, failedOn: [] };
    const waiting = status({ state: 'starting', instance: null, since: at(2), restarts });
    expect(decideVm(record(), waiting, crashed)).toEqual({
      ...{ action: 'nothing', reason: 'its restart waits for a while', againInMs: 3000 },
    });
    expect(decideVm(record(), { ...waiting, since: at(6) }, crashed)).toMatchObject({ action: 'start' });
    // A wall clock that was set back does not hold it up.
    expect(decideVm(record(), { ...waiting, since: at(-3600) }, crashed)).toMatchObject({ action: 'start' });
  });

  test('is off when its guest has powered itself off', () => {
    expect(decideVm(record(), status(), seen({ guestShutDown: true }))).toMatchObject({ state: 'off', down: true });
  });

  test('has failed if it is not highly available', () => {
    expect(decideVm(record({ highlyAvailable: false }), status(), crashed)).toMatchObject({
      state: 'failed',
      down: true,
    });
  });

  test('and which could not be started again follows the same policy, unless somebody asked for the start', () => {
    const error = { code: 'HYPERVISOR_FAILED', message: 'No such file.', nextStep: 'Look.' };
    const failed = { error, node: 'node1', wallMs: WALL_MS };
    const ordered = status({ state: 'starting', instance: null });
    expect(decideStartFailed(record(), ordered, failed)).toMatchObject({ state: 'starting', restarts: { here: 1 } });
    const asked = record({ request: request('start') });
    expect(decideStartFailed(asked, ordered, failed)).toMatchObject({ state: 'failed', settle: true, error });
  });
});

describe('after the node was restarted', () => {
  const rebooted = seen({ bootId: 'other' });

  test('highly available VMs start here, without a restart being counted', () => {
    const decision = decideVm(record(), status(), rebooted);
    expect(decision).toMatchObject({
      action: 'record',
      state: 'starting',
      reason: 'node1 was restarted; restarted here',
    });
    expect(decision).not.toHaveProperty('restarts');
  });

  test('others start if they are to start with their node, and are off if not', () => {
    const other = record({ highlyAvailable: false });
    expect(decideVm({ ...other, automaticStart: true }, status(), rebooted)).toMatchObject({ state: 'starting' });
    expect(decideVm(other, status(), rebooted)).toMatchObject({ state: 'off', down: true });
  });

  test('those that were off, saved or failed stay so', () => {
    for (const state of ['off', 'saved', 'failed'] as const) {
      const automatic = record({ desired: 'off', automaticStart: true });
      expect(decideVm(automatic, status({ state, instance: null }), rebooted)).toMatchObject({ action: 'nothing' });
    }
  });

  test('what a fenced node ended itself before it came back is no crash either', () => {
    const back = seen({ memberSince: at(5) });
    expect(decideVm(record(), status({ since: at(60) }), back)).toMatchObject({ state: 'starting' });
    expect(decideVm(record(), status({ since: at(60) }), back)).not.toHaveProperty('restarts');
  });
});

describe('a VM that is to be saved', () => {
  const asked = record({ request: request('save') });
  const error = { code: 'NOT_ENOUGH_DISK_SPACE', message: 'The volume is full.', nextStep: 'Make room.' };

  test('is saved while its guest runs or is paused', () => {
    expect(decideVm(asked, status(), running)).toMatchObject({ action: 'save' });
    const still = seen({ runState: 'paused', instance: 'i1' });
    expect(decideVm(asked, status({ state: 'paused' }), still)).toMatchObject({ action: 'save' });
    expect(decideVm(asked, status(), { ...running, hasAuthority: false })).toMatchObject({ action: 'nothing' });
  });

  test('is saved anew when nobody has recorded what its QEMU has sent: the file may not be whole', () => {
    const sent = seen({ runState: 'postmigrate', instance: 'i1' });
    expect(decideVm(asked, status(), sent)).toMatchObject({ action: 'go-on' });
    // Another request has taken the place of the one to save it: its memory is all there is of the guest.
    const other = record({ request: request('reset') });
    const settled = status({ state: 'paused', settledRequest: 'r' });
    expect(decideVm(other, settled, sent)).toMatchObject({ action: 'go-on' });
  });

  test('and is to do something else now goes on first: it stands still for nobody', () => {
    for (const action of ['shutdown', 'reset'] as const) {
      const other = record({ request: request(action) });
      for (const runState of ['paused', 'postmigrate'] as const) {
        expect(decideVm(other, status(), seen({ runState, instance: 'i1' }))).toMatchObject({ action: 'go-on' });
      }
    }
    const off = record({ desired: 'off', request: request('turn-off') });
    expect(decideVm(off, status(), seen({ runState: 'postmigrate' }))).toMatchObject({ action: 'kill' });
    const nobody = seen({ runState: 'paused', instance: 'i1' });
    expect(decideVm(record(), status(), nobody)).toMatchObject({ action: 'go-on' });
    // It has reset itself in the moment in which it was stopped.
    const reset = seen({ runState: 'prelaunch', instance: 'i1' });
    expect(decideVm(record(), status(), reset)).toMatchObject({ action: 'go-on' });
  });

  test('and could not be stands still until it goes on as it was', () => {
    const still = seen({ runState: 'paused', instance: 'i1', saveFailed: error });
    expect(decideVm(asked, status(), still)).toMatchObject({ action: 'go-on' });
    const reset = { ...still, runState: 'prelaunch' } as const;
    expect(decideVm(asked, status(), reset)).toMatchObject({ action: 'go-on' });
    const goesOn = { ...still, runState: 'running' } as const;
    expect(decideVm(asked, status({ state: 'paused' }), goesOn)).toMatchObject({ action: 'pause' });
  });

  test('and could not be goes on as it was, and whoever asked is told', () => {
    const failed = { ...running, saveFailed: error };
    expect(decideVm(asked, status(), failed)).toMatchObject({ state: 'running', settle: true, down: false, error });
    const still = { ...failed, runState: 'paused' as const };
    expect(decideVm(asked, status({ state: 'paused' }), still)).toMatchObject({ state: 'paused', settle: true, error });
  });

  test('whose QEMU has ended is not, and is restarted as after any crash', () => {
    expect(decideVm(asked, status(), seen())).toMatchObject({
      ...{ action: 'record', state: 'starting', settle: true },
      error: { code: 'VM_STATE_UNSUITABLE' },
    });
  });
});

describe('a VM whose memory is in a file', () => {
  const saved = { path: '/volume/a.memory', sizeBytes: 1000, definitionHash: 'h', savedAt: at(60) };
  const off = record({ desired: 'off', saved });
  const isSaved = status({ state: 'saved', instance: null });

  test('stays off until it is started, and then is loaded and goes on', () => {
    expect(decideVm(off, isSaved, seen())).toMatchObject({ action: 'nothing' });
    const asked = record({ saved, request: request('start') });
    expect(decideVm(asked, isSaved, seen())).toMatchObject({ action: 'start' });
    const loaded = seen({ runState: 'paused', instance: 'i2' });
    expect(decideVm(asked, isSaved, loaded)).toMatchObject({ action: 'resume' });
    // A failover has ordered the start; its memory is out of the record already.
    const ordered = status({ state: 'starting', instance: null });
    expect(decideVm(record({ saved }), ordered, loaded)).toMatchObject({ action: 'resume' });
    expect(decideVm(record(), ordered, loaded)).toMatchObject({ action: 'resume' });
  });

  test.each(['postmigrate', 'paused', 'running', 'finish-migrate', 'shutdown'] as const)(
    'has no QEMU beside it that could go on: one that is %s ends',
    (runState) => {
      expect(decideVm(off, isSaved, seen({ runState, instance: 'i1' }))).toMatchObject({ action: 'kill' });
    },
  );

  test.each(['inmigrate', 'prelaunch', 'postmigrate'] as const)(
    'is not started by a QEMU that has not loaded it: one that is %s ends',
    (runState) => {
      const half = seen({ runState, instance: 'i1' });
      const asked = record({ saved, request: request('start') });
      expect(decideVm(asked, isSaved, half)).toMatchObject({ action: 'kill' });
      const ordered = status({ state: 'starting', instance: 'i1' });
      expect(decideVm(record({ saved }), ordered, half)).toMatchObject({ action: 'kill' });
    },
  );

  test('loses the file if its guest runs nevertheless: it would be older than the disks', () => {
    const asked = record({ saved, request: request('start') });
    expect(decideVm(asked, status(), running)).toMatchObject({ action: 'record', state: 'running', saved: null });
    expect(decideVm(record({ saved }), status(), running)).toMatchObject({ state: 'running', saved: null });
  });

  test('keeps it when it cannot be started, and says so', () => {
    const asked = record({ saved, request: request('start') });
    const error = { code: 'HYPERVISOR_FAILED', message: 'It could not be loaded.', nextStep: '' };
    const failed = decideStartFailed(asked, isSaved, { error, node: 'node1', wallMs: WALL_MS });
    expect(failed).toMatchObject({ action: 'record', state: 'failed', settle: true });
    expect(failed).toMatchObject({ error: { message: expect.stringContaining('saved memory is kept') } });
    expect(failed).not.toHaveProperty('saved');
  });
});
