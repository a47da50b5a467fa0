import { describe, expect, test } from 'vitest';
import { budgetOfMigration } from './open-migration.ts';

describe('budgetOfMigration', () => {
  const FIXED = { budgetMs: 50 };
  const WIDENS = { budgetMs: 50, budgetMaxMs: 200 };

  test.each([
    { what: 'a VM that allows nothing else keeps its budget', record: FIXED, asked: {}, budgetMs: 50, budgetMaxMs: 50 },
    { what: 'a VM that allows to widen it', record: WIDENS, asked: {}, budgetMs: 50, budgetMaxMs: 200 },
    {
      what: 'a smaller budget leaves what the VM allows',
      record: WIDENS,
      asked: { budgetMs: 20 },
      budgetMs: 20,
      budgetMaxMs: 200,
    },
    {
      what: 'a larger budget within what the VM allows',
      record: WIDENS,
      asked: { budgetMs: 100 },
      budgetMs: 100,
      budgetMaxMs: 200,
    },
    {
      what: 'a larger budget than the VM allows is its own maximum',
      record: WIDENS,
      asked: { budgetMs: 300 },
      budgetMs: 300,
      budgetMaxMs: 300,
    },
    {
      what: 'a maximum that was asked for holds, also below that of the VM',
      record: WIDENS,
      asked: { budgetMaxMs: 60 },
      budgetMs: 50,
      budgetMaxMs: 60,
    },
    {
      what: 'a maximum that was asked for holds, also above that of the VM',
      record: WIDENS,
      asked: { budgetMaxMs: 900 },
      budgetMs: 50,
      budgetMaxMs: 900,
    },
    {
      what: 'never to widen it, although the VM allows it',
      record: WIDENS,
      asked: { budgetMs: 50, budgetMaxMs: 50 },
      budgetMs: 50,
      budgetMaxMs: 50,
    },
    {
      what: 'what does not fit stays for whoever judges the request',
      record: WIDENS,
      asked: { budgetMaxMs: 40 },
      budgetMs: 50,
      budgetMaxMs: 40,
    },
    {
      what: 'a record whose maximum is below its budget',
      record: { budgetMs: 50, budgetMaxMs: 30 },
      asked: {},
      budgetMs: 50,
      budgetMaxMs: 50,
    },
  ])('$what', ({ record, asked, budgetMs, budgetMaxMs }) => {
    expect(budgetOfMigration(record, asked)).toEqual({ budgetMs, budgetMaxMs });
  });
});
