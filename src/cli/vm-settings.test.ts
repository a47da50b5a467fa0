import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { sinceArgument, textArgument } from './arguments.ts';
import { addSettingsOptions, type SettingsOptions, settingsOf } from './vm-settings.ts';

function parse(words: string) {
  const command = addSettingsOptions(new Command('set')).exitOverride();
  command.configureOutput({ writeErr: () => undefined });
  command.parse(words === '' ? [] : words.split(' '), { from: 'user' });
  return settingsOf(command.opts<SettingsOptions>());
}

describe('settings on the command line', () => {
  test('only what is given is sent', () => {
    expect(parse('')).toEqual({});
    expect(parse('--priority high')).toEqual({ priority: 'high' });
    expect(parse('--restart-elsewhere 0')).toEqual({ restart: { elsewhere: 0 } });
    expect(parse('--failback-window 22-6')).toEqual({ failback: { window: { fromHour: 22, toHour: 6 } } });
    expect(parse('--failback on --failback-window any')).toEqual({ failback: { enabled: true, window: null } });
  });

  test('a budget may be widened up to a maximum, and "none" takes it away', () => {
    expect(parse('--budget 30ms --budget-max 0.2s')).toEqual({ budgetMs: 30, budgetMaxMs: 200 });
    expect(parse('--budget-max none')).toEqual({ budgetMaxMs: null });
  });

  test('lists are repeated or separated by commas, and "none" empties them', () => {
    expect(parse('--preferred-owner node2 --preferred-owner node1')).toEqual({ preferredOwners: ['node2', 'node1'] });
    expect(parse('--possible-owner node1,node2')).toEqual({ possibleOwners: ['node1', 'node2'] });
    expect(parse('--anti-affinity none')).toEqual({ antiAffinity: [] });
  });

  test.each([
    '--priority urgent',
    '--failback-window 6',
    '--failback-window 6-6',
    '--failback-window 6-25',
    '--restart-here x',
    '--budget none',
    '--budget-max never',
  ])('refuses %s', (words) => {
    expect(() => parse(words)).toThrow();
  });
});

describe('sinceArgument', () => {
  test('understands ages and times', () => {
    const age = (text: string) => Math.round((Date.now() - sinceArgument(text)) / 1000);
    expect([age('90s'), age('30m'), age('1h'), age('2d')]).toEqual([90, 1800, 3600, 172_800]);
    expect(sinceArgument('2026-11-23T10:00:00Z')).toBe(Date.UTC(2026, 10, 23, 10));
    for (const text of ['', 'soon', '5', '2026']) expect(() => sinceArgument(text)).toThrow();
    expect(sinceArgument('99999999999d')).toBe(0);
  });
});

test('a text has something to read in it', () => {
  expect(textArgument(' new switches ')).toBe('new switches');
  for (const text of ['', '  ']) expect(() => textArgument(text)).toThrow('empty');
});
