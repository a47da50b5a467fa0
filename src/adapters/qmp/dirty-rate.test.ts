import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../test/doubles/manual-clock.ts';
import { MEBIBYTE } from '../../model/units.ts';
import { measureDirtyRate } from './dirty-rate.ts';

/** QEMU that measures for as many looks; `disturbAfter` commands a migration begins. */
function qemu(looks: number, disturbAfter = Number.POSITIVE_INFINITY) {
  const asked: string[] = [];
  const ask = async (command: string, args?: unknown) => {
    asked.push(args === undefined ? command : `${command} ${JSON.stringify(args)}`);
    if (command !== 'query-dirty-rate') return {};
    return asked.length > looks ? { status: 'measured', 'dirty-rate': 12 } : { status: 'measuring' };
  };
  return { ask, asked, undisturbed: () => asked.length < disturbAfter };
}

describe('measureDirtyRate', () => {
  test('measures one second by sampling, and waits until it is done', async () => {
    const { ask, asked, undisturbed } = qemu(3);
    expect(await measureDirtyRate(ask, new ManualClock(), undisturbed)).toBe(12 * MEBIBYTE);
    expect(asked).toEqual([
      'calc-dirty-rate {"calc-time":1,"sample-pages":4096,"mode":"page-sampling"}',
      ...['query-dirty-rate', 'query-dirty-rate', 'query-dirty-rate'],
    ]);
  });

  test('does not ask QEMU to measure during a migration', async () => {
    const { ask, asked } = qemu(1);
    expect(await measureDirtyRate(ask, new ManualClock(), () => false)).toBeNull();
    expect(asked).toEqual([]);
  });

  test('sends the command in the turn in which it was found to be allowed', () => {
    const { ask, asked, undisturbed } = qemu(1);
    void measureDirtyRate(ask, new ManualClock(), undisturbed);
    expect(asked).toHaveLength(1);
  });

  test.each([1, 2])('says nothing when a migration began meanwhile (after %d commands)', async (disturbAfter) => {
    const { ask, undisturbed } = qemu(1, disturbAfter);
    expect(await measureDirtyRate(ask, new ManualClock(), undisturbed)).toBeNull();
  });
});
