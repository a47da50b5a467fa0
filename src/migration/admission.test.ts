import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { admit, type OpenMigration } from './admission.ts';

const LINK = 117e6;

function migration(id: string, more: Partial<OpenMigration> = {}): OpenMigration {
  return {
    ...{ id, vm: `vm-${id}`, source: 'node1', destination: 'node2', transfer: 'before', dirtyBytesPerSecond: 1e6 },
    ...{ bandwidthBytesPerSecond: 0, linkBytesPerSecond: LINK, ...more },
  };
}

const running = (id: string, bandwidthBytesPerSecond: number, more: Partial<OpenMigration> = {}) =>
  migration(id, { transfer: 'running', bandwidthBytesPerSecond, ...more });

describe('admit', () => {
  test('lets the oldest go, whatever else is under way', () => {
    expect(admit('a', [running('b', LINK), migration('a')]).admitted).toBe(true);
  });

  test('lets a younger one wait while an older one fills the link, and says which', () => {
    const { admitted, reason } = admit('b', [running('a', LINK), migration('b')]);
    expect(admitted).toBe(false);
    expect(reason).toBe('vm-a uses 100 % of the link out of node1: one after the other is faster');
  });

  test('lets a younger one wait until it is known how much of the link the older one uses', () => {
    expect(admit('b', [migration('a'), migration('b')])).toMatchObject({
      admitted: false,
      reason: expect.stringContaining('not known yet') as string,
    });
  });

  test('lets both go where the first leaves much of the link unused', () => {
    expect(admit('b', [running('a', 0.5 * LINK), migration('b')]).admitted).toBe(true);
    expect(admit('b', [running('a', 0.65 * LINK), migration('b')]).admitted).toBe(false);
  });

  test('does not let guests go together that dirty more than half of the link', () => {
    const busy = { dirtyBytesPerSecond: 0.3 * LINK };
    const { admitted, reason } = admit('b', [running('a', 0.4 * LINK, busy), migration('b', busy)]);
    expect(admitted).toBe(false);
    expect(reason).toContain('together dirty memory at 60 %');
  });

  test('other links do not matter, nor does the other direction', () => {
    const elsewhere = { source: 'node3', destination: 'node4' };
    expect(admit('b', [running('a', LINK, elsewhere), migration('b')]).admitted).toBe(true);
    const back = { source: 'node2', destination: 'node1' };
    expect(admit('b', [running('a', LINK, back), migration('b')]).admitted).toBe(true);
    expect(admit('b', [running('a', LINK, { source: 'node3' }), migration('b')]).admitted).toBe(false);
  });

  test('one that waits itself is waited for by nobody', () => {
    const waiting = migration('b', { destination: 'node3' });
    const open = [running('a', LINK), waiting, migration('c', { source: 'node4', destination: 'node3' })];
    expect(admit('b', open).admitted).toBe(false);
    expect(admit('c', open).admitted).toBe(true);
  });

  test('one whose transfer is over does not count', () => {
    expect(admit('b', [migration('a', { transfer: 'over' }), migration('b')]).admitted).toBe(true);
  });

  test('whatever is open, somebody may go or somebody is going', () => {
    const node = fc.constantFrom('node1', 'node2', 'node3');
    const any = fc.record({
      source: node,
      destination: node,
      transfer: fc.constantFrom('before' as const, 'running' as const),
      bandwidthBytesPerSecond: fc.integer({ min: 0, max: LINK }),
    });
    fc.assert(
      fc.property(fc.array(any, { minLength: 1, maxLength: 8 }), (list) => {
        const open = list.map((one, index) => migration(String(index), one));
        const moving = open.filter((one) => one.transfer === 'running' || admit(one.id, open).admitted);
        expect(moving.length).toBeGreaterThan(0);
      }),
    );
  });
});
