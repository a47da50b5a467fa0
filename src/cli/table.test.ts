import { describe, expect, test } from 'vitest';
import { bar, plainLook, textWidth, truncate, wrap } from './look.ts';
import { renderTable } from './table.ts';
import { ago } from './times.ts';

interface Row {
  readonly name: string;
  readonly memory: string;
}

const ROWS: readonly Row[] = [
  { name: 'WebServer', memory: '256 MiB' },
  { name: 'データ', memory: '1.5 GiB' },
];
const COLUMNS = [
  { title: 'NAME', value: (row: Row) => row.name, shrink: true },
  { title: 'MEMORY', align: 'right', value: (row: Row) => row.memory },
] as const;

describe('renderTable', () => {
  test('lines columns up by the width that characters take on a terminal', () => {
    expect(renderTable(ROWS, COLUMNS, plainLook(80))).toBe(
      ['NAME        MEMORY', 'WebServer  256 MiB', 'データ     1.5 GiB'].join('\n'),
    );
  });

  test('cuts only the columns that may be cut', () => {
    const rows = [{ name: 'a-very-long-name-of-a-machine', memory: '256 MiB' }];
    const text = renderTable(rows, COLUMNS, plainLook(20));
    expect(text).toContain('a-very-lon…  256 MiB');
    expect(text.split('\n').every((line) => textWidth(line) <= 20)).toBe(true);
  });
});

describe('text', () => {
  test('is measured without its colours', () => {
    expect(textWidth('\u001b[32mup\u001b[39m')).toBe(2);
  });

  test('is cut with a sign that something is missing', () => {
    expect(truncate('WebServer', 9)).toBe('WebServer');
    expect(truncate('WebServer', 5)).toBe('WebS…');
  });

  test('is broken at spaces and indented from the second line on', () => {
    expect(wrap('one two three', { columns: 9, indent: 2 })).toBe('one two\n  three');
  });

  test('of a bar is visible for anything above nothing', () => {
    expect(bar(0, 10)).toBe('');
    expect(bar(0.0001, 10)).toBe('▏');
    expect(bar(0.5, 10)).toBe('█████');
    expect(bar(7, 10)).toBe('██████████');
  });
});

describe('ago', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  test.each([
    ['2026-11-23T11:59:59.5Z', 'just now'],
    ['2026-11-23T11:59:30Z', '30 s ago'],
    ['2026-11-23T11:57:00Z', '3 min ago'],
    ['2026-11-23T09:00:00Z', '3 h ago'],
    ['2026-11-20T12:00:00Z', '3 days ago'],
    ['2026-11-23T13:00:00Z', '2026-11-23T13:00:00Z'],
  ])('says of %s: %s', (iso, text) => {
    expect(ago(iso, now)).toBe(text);
  });
});
