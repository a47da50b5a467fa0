import { describe, expect, test } from 'vitest';
import { FILLED_RANDOM, IDLE_UDP, type Measurement, NO_CONVERGENCE, SCENARIOS } from './bench-plan.ts';
import { criteriaTable } from './criteria.ts';
import { godwitMeasurementOf, measurementOf, udpOf, uploadOf } from './measurement-fixture.ts';
import { linkTable, resultsTables } from './results-table.ts';

const LINK = { link: '1gbit', bytesPerSecond: 119e6, measuredWith: 'iperf3' } as const;

describe('tables', () => {
  test('a scenario has one line per variant, with ratios to raw QEMU', () => {
    const text = resultsTables([measurementOf(), godwitMeasurementOf({ totalMs: 1300 })]);
    const cells = cellsOf(text, 'godwit-tls');
    expect(cells).toEqual([
      ...['1gbit', 'idle', 'godwit-tls', '1', '1300', '1.25', '1000', '1.00', '40.0 (40.0)', '80.0 (80.0)', '0.33'],
      ...['80.0 (80.0)', '0.33'],
      ...['40.0', '0 + 1', '3', '100.0', '12 %'],
    ]);
  });

  test('failures, lost guests and clients that were cut off are told beside the number of runs', () => {
    const broken = { mode: 'ping-pong', answers: 1, gaps: [], broken: 'read ECONNRESET' } as const;
    const text = resultsTables([
      measurementOf(),
      measurementOf({ failure: 'QEMU gave up', guestSurvived: false, client: broken }),
    ]);
    expect(text).toContain('| 1 (1 failed, guest lost in 1, client cut off in 1) |');
  });

  test('UDP, upload and what does not converge have tables of their own', () => {
    const text = resultsTables([
      measurementOf({ scenario: 'idle, UDP', client: udpOf({ guestReceived: 1990 }) }),
      measurementOf({ scenario: 'idle, upload', client: uploadOf() }),
      stuck(),
    ]);
    expect(text.match(/^.*:$/gm)).toEqual([
      'Migrations:',
      'UDP, 500 packets per second each way:',
      'Upload into the guest, at most 500 Mbit/s:',
      'Does not converge:',
    ]);
    expect(cellsOf(text, 'failed: it would take')).toEqual([
      '1gbit',
      NO_CONVERGENCE.name,
      'godwit-tls',
      '1',
      '9000 (9000)',
      '1 of 1',
      '80.0 (80.0)',
      'failed: it would take too long',
    ]);
  });

  test('the first round stands beside what the link carries', () => {
    expect(
      cellsOf(
        linkTable([LINK], [godwitMeasurementOf({ scenario: FILLED_RANDOM.name }), godwitMeasurementOf()]),
        '1gbit',
      ),
    ).toEqual(['1gbit', 'iperf3', '952', '944', '0.99', '–', '–']);
  });
});

describe('criteria', () => {
  test('each is met, not met, or not measured', () => {
    const text = criteriaTable([measurementOf(), godwitMeasurementOf({ totalMs: 1300 })], LINK);
    expect(cellsOf(text, 'idle: network gap <= 0.5')).toEqual(['idle: network gap <= 0.5 × raw', '0.33 ×', 'met']);
    expect(cellsOf(text, 'idle: total')).toEqual(['idle: total <= 1.05 × raw', '1.25 ×', 'NOT MET']);
    expect(cellsOf(text, 'UDP: no packet lost').slice(1)).toEqual(['–', '–']);
  });

  test('a loss in one run of many is a loss', () => {
    const runs = [udpOf(), udpOf({ received: 1999 })].map((client) =>
      godwitMeasurementOf({ scenario: IDLE_UDP.name, client }),
    );
    expect(cellsOf(criteriaTable(runs, LINK), 'UDP: no packet lost').slice(1)).toEqual(['1 in 2', 'NOT MET']);
  });

  test('a blackout above the budget is right only if the user allowed it', () => {
    const verdictOf = (one: Measurement) => cellsOf(criteriaTable([one], LINK), 'no blackout above').at(-1);
    expect(verdictOf(godwitMeasurementOf({ blackoutMs: 60 }))).toBe('met');
    expect(verdictOf(godwitMeasurementOf({ blackoutMs: 61 }))).toBe('NOT MET');
    expect(verdictOf(godwitMeasurementOf({ blackoutMs: 61, budgetUsedMs: 100 }))).toBe('met');
  });

  test('what does not converge must end where it began', () => {
    const verdictOf = (one: Measurement) => cellsOf(criteriaTable([one], LINK), 'does not converge').at(-1);
    expect(verdictOf(stuck())).toBe('met');
    expect(verdictOf(stuck({ ownerAfter: 'node2' }))).toBe('NOT MET');
    expect(verdictOf(stuck({ failure: null }))).toBe('NOT MET');
  });
});

test('the scenarios have different names', () => {
  expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
});

function stuck(differences: Partial<Measurement> = {}): Measurement {
  return godwitMeasurementOf({
    ...{ scenario: NO_CONVERGENCE.name, failure: 'failed: it would take too long', totalMs: 9000 },
    ...{ ownerAfter: 'node1', stoppedAtMs: null, resumedAtMs: null, blackoutMs: null },
    ...differences,
  });
}

/** Of the first line with this text. */
function cellsOf(table: string, text: string): string[] {
  const line = table.split('\n').find((candidate) => candidate.includes(text)) ?? '';
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
