import { describe, expect, it } from 'vitest';
import type { VmView } from '../../../src/contract/vms.ts';
import { optionsOf, usualOptions } from './migration-options.ts';

function vm(budgetMs: number, budgetMaxMs: number | null): VmView {
  return { budgetMs, budgetMaxMs } as VmView;
}

describe('the options of a move', () => {
  it('begin with what the VM has, and ask for just that', () => {
    const usual = usualOptions([vm(30, 200)]);
    expect(usual).toMatchObject({ budgetMs: 30, budgetMaxMs: 200 });
    expect(optionsOf(usual, { usual, count: 1 })).toEqual({ budgetMs: 30, budgetMaxMs: 200 });
  });

  it('do not widen the budget of a VM that would allow it when that is switched off', () => {
    const usual = usualOptions([vm(30, 200)]);
    const draft = { ...usual, budgetMaxMs: null };
    expect(optionsOf(draft, { usual, count: 1 })).toEqual({ budgetMs: 30, budgetMaxMs: 30 });
    expect(optionsOf(draft, { usual, count: 2 })).toEqual({ budgetMs: 30, budgetMaxMs: 30 });
  });

  it('leave several VMs their own budgets unless others are entered', () => {
    const usual = usualOptions([vm(30, 200), vm(80, null)]);
    expect(optionsOf({ ...usual, to: 'node2' }, { usual, count: 2 })).toEqual({ to: 'node2' });
    const draft = { ...usual, budgetMs: 40 };
    expect(optionsOf(draft, { usual, count: 2 })).toEqual({ budgetMs: 40, budgetMaxMs: 200 });
  });
});
