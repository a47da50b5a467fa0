import { describe, expect, it } from 'vitest';
import type { VmView } from '../../../src/contract/vms.ts';
import { budgetsFit, offeredMaxMs } from './budget-draft.ts';
import { differences, propertiesOf } from './properties-draft.ts';

const VM = {
  ...{ name: 'WebServer', highlyAvailable: true, automaticStart: true, budgetMs: 50, budgetMaxMs: null },
  availability: { priority: 'medium', preferredOwners: ['node1'] },
} as unknown as VmView;

describe('the properties of a VM', () => {
  it('are sent only where they were changed', () => {
    const before = propertiesOf(VM);
    expect(differences(before, before)).toEqual({});
    expect(differences(before, { ...before, budgetMaxMs: 200 })).toEqual({ budgetMaxMs: 200 });
    expect(differences(before, { ...before, budgetMs: 80, priority: 'high' })).toEqual({
      ...{ budgetMs: 80, priority: 'high' },
    });
  });

  it('take the permission to widen the budget away', () => {
    const before = propertiesOf({ ...VM, budgetMaxMs: 200 });
    expect(differences(before, { ...before, budgetMaxMs: null })).toEqual({ budgetMaxMs: null });
  });

  it('are not applied with a maximum below the budget', () => {
    expect(budgetsFit({ budgetMs: 50, budgetMaxMs: null })).toBe(true);
    expect(budgetsFit({ budgetMs: 50, budgetMaxMs: 50 })).toBe(true);
    expect(budgetsFit({ budgetMs: 50, budgetMaxMs: 49 })).toBe(false);
  });

  it('offer a maximum that a budget can have', () => {
    for (const budgetMs of [0.3, 50, 30_000, 60_000]) {
      const budgets = { budgetMs, budgetMaxMs: offeredMaxMs({ budgetMs, budgetMaxMs: null }) };
      expect(budgetsFit(budgets)).toBe(true);
      expect(budgets.budgetMaxMs).toBeLessThanOrEqual(60_000);
    }
  });
});
