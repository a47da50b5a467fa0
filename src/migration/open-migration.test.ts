import { describe, expect, test } from 'vitest';
import { budgetOfMigration } from './open-migration.ts';

describe('budgetOfMigration', () => {
  const FIXED = { budgetMs: 50 };
  const WIDENS = { budgetMs: 50, budgetMaxMs: 200 };

  test.each([
    ['a VM that allows nothing else keeps its budget', FIXED, {}, [50, 50]],
    ['a VM that allows to widen it', WIDENS, {}, [50, 200]],
    ['a smaller budget leaves what the VM allows', WIDENS, { budgetMs: 20 }, [20, 200]],
    ['a larger budget within what the VM allows', WIDENS, { budgetMs: 100 }, [100, 200]],
    ['a larger budget than the VM allows is its own maximum', WIDENS, { budgetMs: 300 }, [300, 300]],
    ['a maximum that was asked for holds, also below that of the VM', WIDENS, { budgetMaxMs: 60 }, [50, 60]],
    ['a maximum that was asked for holds, also above that of the VM', WIDENS, { budgetMaxMs: 900 }, [50, 900]],
    ['never to widen it, although the VM allows it', WIDENS, { budgetMs: 50, budgetMaxMs: 50 }, [50, 50]],
    ['what does not fit stays for whoever judges the request', WIDENS, { budgetMaxMs: 40 }, [50, 40]],
    ['a record whose maximum is below its budget', { budgetMs: 50, budgetMaxMs: 30 }, {}, [50, 50]],
  ])('%s', (_what, record, asked, [budgetMs, budgetMaxMs]) => {
    expect(budgetOfMigration(record, asked)).toEqual({ budgetMs, budgetMaxMs });
  });
});
