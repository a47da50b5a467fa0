import type { TFunction } from 'i18next';
import { describe, expect, it } from 'vitest';
import type { VmView } from '../../../src/contract/vms.ts';
import { hardwareHolds } from './settings-draft.ts';
import { shownState } from './shown-state.ts';
import { obstacleTo, type VmActionId } from './vm-obstacles.ts';

const SAVED = { savedAt: '2026-05-04T10:00:00.000Z', sizeBytes: 120 * 1024 ** 2 };
const SAVING = { request: { id: 'two', action: 'save' }, settledRequest: 'one' } as const;

function vm(state: VmView['state'], more: Partial<VmView> = {}): VmView {
  const disks = [{ id: 'disk0' }];
  return {
    ...({ name: 'WebServer', state, disks, saved: state === 'saved' ? SAVED : null } as unknown as VmView),
    ...{ request: null, settledRequest: null },
    ...more,
  };
}

/** Key and name, instead of a sentence of one language. */
const t = ((key: string, { name }: { name: string }) => `${key} ${name}`) as unknown as TFunction<'actions'>;

function obstacle(id: VmActionId, ...vms: readonly VmView[]): string | null {
  return obstacleTo(id, vms, t);
}

describe('to save a VM', () => {
  it('is possible while its guest is there', () => {
    expect(obstacle('save', vm('running'), vm('paused'))).toBeNull();
    expect(obstacle('save', vm('off'))).toBe('obstacles.off WebServer');
    expect(obstacle('save', vm('migrating'))).toBe('obstacles.migrating WebServer');
    expect(obstacle('save', vm('saved'))).toBe('obstacles.saved WebServer');
  });

  it('needs a disk, beside which the memory is kept', () => {
    expect(obstacle('save', vm('running'), vm('running', { name: 'Diskless', disks: [] }))).toBe(
      'obstacles.noDisk Diskless',
    );
    expect(obstacle('pause', vm('running', { disks: [] }))).toBeNull();
  });

  it('shows until it is done that it is being saved, and lets it only be looked at or turned off', () => {
    const saving = vm('running', SAVING);
    expect(shownState(saving)).toBe('saving');
    expect(shownState(vm('paused', SAVING))).toBe('saving');
    for (const id of ['save', 'pause', 'reset', 'shut-down', 'start', 'live-migrate', 'delete'] as const) {
      expect(obstacle(id, saving), id).toBe('obstacles.saving WebServer');
    }
    expect(obstacle('turn-off', saving)).toBeNull();
    expect(obstacle('connect', saving)).toBeNull();
  });

  it('shows the state itself once the request is done with, or where another one is open', () => {
    expect(shownState(vm('running', { ...SAVING, settledRequest: 'two' }))).toBe('running');
    expect(shownState(vm('running', { ...SAVING, request: { id: 'two', action: 'pause' } }))).toBe('running');
    expect(shownState(vm('saved', SAVING))).toBe('saved');
    expect(shownState(vm('starting', SAVING))).toBe('starting');
  });
});

describe('a saved VM', () => {
  it('can be started, deleted, and rid of its memory', () => {
    for (const id of ['start', 'delete', 'delete-saved-state'] as const) {
      expect(obstacle(id, vm('saved')), id).toBeNull();
      expect(obstacle(id, vm('failed', { saved: SAVED })), id).toBeNull();
    }
    expect(obstacle('delete-saved-state', vm('starting', { saved: SAVED }))).toBe('obstacles.starting WebServer');
  });

  it('has no guest that could be moved, paused, shut down or turned off', () => {
    for (const id of ['live-migrate', 'pause', 'resume', 'reset', 'shut-down', 'turn-off', 'connect'] as const) {
      expect(obstacle(id, vm('saved')), id).toBe('obstacles.saved WebServer');
    }
  });

  it('keeps its hardware until it starts without that memory', () => {
    expect(hardwareHolds(vm('off'))).toBe('now');
    expect(hardwareHolds(vm('failed'))).toBe('now');
    expect(hardwareHolds(vm('running'))).toBe('later');
    expect(hardwareHolds(vm('saved'))).toBe('booted');
    expect(hardwareHolds(vm('failed', { saved: SAVED }))).toBe('booted');
  });
});
