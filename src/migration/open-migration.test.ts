import { describe, expect, test } from 'vitest';
import { budgetOfMigration } from './open-migration.ts';

describe('budgetOfMigration', () => {
  const FIXED = { budgetMs: 50 };
  const WIDENS = { budgetMs: 50, budgetMaxMs: 200 };

  test.each([
    ['a VM that allows nothing else keeps its budget', { record: FIXED, asked: {} }, [50, 50]],
    ['a VM that allows to widen it', { record: WIDENS, asked: {} }, [50, 200]],
    ['a smaller budget leaves what the VM allows', { record: WIDENS, asked: { budgetMs: 20 } }, [20, 200]],
    ['a larger budget the VM allows', { record: WIDENS, asked: { budgetMs: 100 } }, [100, 200]],
    ['a budget above all the VM allows is its own maximum', { record: WIDENS, asked: { budgetMs: 300 } }, [300, 300]],
    ['a maximum asked for holds, also a smaller one', { record: WIDENS, asked: { budgetMaxMs: 60 } }, [50, 60]],
    ['a maximum asked for holds, also a larger one', { record: WIDENS, asked: { budgetMaxMs: 900 } }, [50, 900]],
    [
      'never to widen it, although the VM allows it',
      { record: WIDENS, asked: { budgetMs: 50, budgetMaxMs: 50 } },
      [50, 50],
    ],
    [
      'what does not fit stays for whoever judges the request',
      { record: WIDENS, asked: { budgetMaxMs: 40 } },
      [50, 40],
    ],
    ['a record whose maximum is below its budget', { record: { budgetMs: 50, budgetMaxMs: 30 }, asked: {} }, [50, 50]],
  ])('%s', (_what, { record, asked }, [budgetMs, budgetMaxMs]) => {
    expect(budgetOfMigration(record, asked)).toEqual({ budgetMs, budgetMaxMs });
  });
});
