import { describe, expect, it } from 'vitest';
import { Event_EventType } from './generated/kv.ts';
import { WatchResponse } from './generated/rpc.ts';
import { followWatch } from './watch-progress.ts';

function message(revisions: readonly number[], more: Partial<WatchResponse> = {}): WatchResponse {
  return WatchResponse.fromPartial({
    header: { revision: '1000' },
    events: revisions.map((revision) => ({
      type: Event_EventType.PUT,
      kv: { key: Buffer.from(`key${revision}`), value: Buffer.from(`${revision}`), modRevision: `${revision}` },
    })),
    ...more,
  });
}

describe('following a watch', () => {
  it('moves forward with the events, not with the header', () => {
    const progress = followWatch('5');
    const step = progress.accept(message([7, 8]));
    expect(step).toMatchObject({ kind: 'changes', revision: '8' });
    expect(progress.lastRevision()).toBe('8');
  });

  it('does not move forward with a progress message', () => {
    const progress = followWatch('5');
    expect(progress.accept(message([])).kind).toBe('alive');
    expect(progress.lastRevision()).toBe('5');
  });

  it('delivers the parts of a large revision together', () => {
    const progress = followWatch('5');
    expect(progress.accept(message([9], { fragment: true })).kind).toBe('alive');
    expect(progress.lastRevision()).toBe('5');
    const step = progress.accept(message([9]));
    expect(step.kind === 'changes' && step.entries).toHaveLength(2);
    expect(progress.lastRevision()).toBe('9');
  });

  it('gives a deleted key no value', () => {
    const deleted = WatchResponse.fromPartial({
      events: [{ type: Event_EventType.DELETE, kv: { key: Buffer.from('gone'), modRevision: '6' } }],
    });
    const step = followWatch('5').accept(deleted);
    expect(step).toMatchObject({ entries: [{ key: 'gone', value: undefined, modRevision: '6' }] });
  });

  it.each([
    ['an older revision', [4]],
    ['the revision delivered last', [5]],
    ['revisions in the wrong order', [8, 7]],
  ])('asks for a snapshot at %s', (_, revisions) => {
    const progress = followWatch('5');
    expect(progress.accept(message(revisions)).kind).toBe('snapshot');
    expect(progress.lastRevision()).toBe('5');
  });

  it('compares revisions as numbers', () => {
    expect(followWatch('9').accept(message([10])).kind).toBe('changes');
  });

  it('asks for a snapshot after a compaction, and for another member after any other end', () => {
    expect(followWatch('5').accept(message([], { canceled: true, compactRevision: '9' })).kind).toBe('snapshot');
    const ended = followWatch('5').accept(message([], { canceled: true, cancelReason: 'etcdserver: no leader' }));
    expect(ended).toEqual({ kind: 'move', reason: 'etcdserver: no leader' });
  });
});
