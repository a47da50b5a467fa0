import { describe, expect, test } from 'vitest';
import { sampleReceipt } from '../../test/doubles/cli-samples.ts';
import type { Receipt } from '../migration/receipt.ts';
import { plainLook, textWidth } from './look.ts';
import { renderReceipt } from './receipt-view.ts';

describe('renderReceipt', () => {
  test('shows totals, phases, rounds, blackout, decisions and what was not measured at 80 columns', () => {
    expect(renderReceipt(sampleReceipt(), plainLook(80))).toMatchInlineSnapshot(`
      "✔ WebServer moved from node1 to node2 in 2.80 s; the guest stood still for 21
        ms.

      Totals
        id           01M843DF6JW6V022KY1SDPY2V2
        started      2026-11-23 10:00:00 UTC
        mode         live, memory under TLS, not compressed
        total        2.80 s  (forecast 2.50 s)
        blackout     21 ms  (budget 50 ms)
        network gap  not measured
        transferred  243 MiB for 256 MiB of memory
        forecast     about 2.50 s in all: nothing was measured yet

      Phases
        ✔ 1 Pre-Migration                  12 ms  ▏
        ✔ 2 Reservation                   288 ms  ███▊
        ✔ 3 Iterative Pre-Copy            2.40 s     ██████████████████████████████▉
        ✔ 4 Stop-and-Copy                  18 ms                                    ▎
        ✔ 5 Commitment and Activation      82 ms                                    █

      Rounds
        #    time     sent     left  dirtied  bandwidth  ratio
        1  2.10 s  230 MiB   12 MiB        –  110 MiB/s      –  ████████████████████▉░
        2  300 ms   12 MiB  512 KiB  8 MiB/s   40 MiB/s   20 %  █▏

      Blackout
        to the last page          8.0 ms  ███████████████
        device state               10 ms  ███████████████████▏
        GO to the destination     0.9 ms  █▊
        guest resumes             2.2 ms  ████▏
        clocks of the two nodes known to ± 0.2 ms

      Decisions
          +2.65 s  raise-limit: what is left takes 4.8 ms: it fits the budget of 50 ms

      Not measured
        networkGapMs, network.framesLost
          no probe watches the guest
        forecast.blackoutMs
          no forecast is made yet"
    `);
  });

  test.each([40, 60, 80, 120])('keeps figures within %d columns', (columns) => {
    const lines = renderReceipt(sampleReceipt(), plainLook(columns)).split('\n');
    // Below 60 columns the table of rounds is as wide as its figures; they are never cut.
    const limit = Math.max(columns, 60);
    expect(lines.filter((line) => textWidth(line) > limit)).toEqual([]);
  });

  test('says in which phase a migration failed, and why', () => {
    const text = renderReceipt(
      sampleReceipt({
        outcome: 'failed',
        reason: 'node2 does not answer',
        endedIn: 'reservation',
        phases: sampleReceipt().phases.slice(0, 2),
        rounds: [],
        blackoutMs: null,
        blackout: { stopToLastPageMs: null, deviceStateMs: null, stopToCompletedMs: null, goMs: null, resumeMs: null },
        decisions: [],
      }),
      plainLook(80),
    );
    expect(text).toContain('from node1 to node2 failed in Reservation: node2');
    expect(text).toContain('✘ 2 Reservation');
    expect(text).toContain('· 3 Iterative Pre-Copy');
    expect(text).not.toContain('Rounds');
    expect(text).not.toMatch(/^Blackout$/m);
  });

  test('never hides that the budget was exceeded', () => {
    expect(renderReceipt(sampleReceipt({ blackoutMs: 59 }), plainLook(80))).toContain(
      '59 ms  (over the budget of 50 ms)',
    );
  });

  test('says that a budget was widened, and that the user had allowed it', () => {
    const text = renderReceipt(sampleReceipt({ blackoutMs: 90, budgetUsedMs: 120 }), plainLook(120));
    expect(text).toContain('90 ms  (over the budget of 50 ms, widened to the 120 ms that the user allowed');
  });

  test('shows the forecast with what it rests on, and the compression', () => {
    const forecast = { totalMs: 2500, blackoutMs: 24, converges: true, reason: 'dirty rate 1 MiB/s measured 12 s ago' };
    const text = renderReceipt(sampleReceipt({ forecast, compression: 'multifd-zstd' }), plainLook(120));
    expect(text).toContain('2.80 s  (forecast 2.50 s)');
    expect(text).toContain('21 ms  (budget 50 ms, forecast 24 ms)');
    expect(text).toContain('about 2.50 s in all, blackout about 24 ms, converges: dirty rate 1 MiB/s');
    expect(text).toContain('compressed on several channels');
  });

  test('shows how the network traffic was moved, and what watched it', () => {
    const network: Receipt['network'] = {
      ...{
        framesHeld: 12,
        framesReplayed: 12,
        framesLost: 0,
        framesDuplicated: 1,
        connectionsKept: null,
        method: 'mirror',
      },
      ...{ methodReason: 'the kernel has all that it needs', probe: { kind: 'ARP from node3', intervalMs: 2 } },
    };
    const text = renderReceipt(sampleReceipt({ network }), plainLook(120));
    expect(text.slice(text.indexOf('\nNetwork'), text.indexOf('\nDecisions'))).toMatchInlineSnapshot(`
      "
      Network
        method             mirrored to the destination: the kernel has all that it needs
        frames held        12
        frames replayed    12
        frames duplicated  1
        frames lost        0
        probe              ARP from node3, every 2.0 ms
      "
    `);
  });

  test('shows the way to the commit point as one part where its parts were not measured', () => {
    const blackout = { ...sampleReceipt().blackout, stopToLastPageMs: null, deviceStateMs: null };
    const text = renderReceipt(sampleReceipt({ blackout }), plainLook(80));
    expect(text).toContain('to the commit point');
    expect(text).not.toContain('device state');
  });
});
