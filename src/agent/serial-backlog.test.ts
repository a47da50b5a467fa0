import { describe, expect, test } from 'vitest';
import { SerialBacklog } from './serial-backlog.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

function readAll(backlog: SerialBacklog, from: number): string {
  let all = '';
  let position = from;
  for (let next = backlog.readFrom(position); next !== undefined; next = backlog.readFrom(position)) {
    all += text(next.bytes);
    position = next.at + next.bytes.length;
  }
  return all;
}

describe('SerialBacklog', () => {
  test('gives everything from a position on, across the pieces it came in', () => {
    const backlog = new SerialBacklog(100);
    for (const piece of ['abc', 'de', 'fgh']) backlog.append(bytes(piece));
    expect(readAll(backlog, 0)).toBe('abcdefgh');
    expect(readAll(backlog, 4)).toBe('efgh');
    expect(backlog.readFrom(8)).toBeUndefined();
    expect(backlog.end).toBe(8);
  });

  test('keeps at least so many bytes, and not many more', () => {
    const backlog = new SerialBacklog(10_000);
    for (let count = 0; count < 20_000; count += 1) backlog.append(bytes('1234'));
    expect(backlog.end).toBe(80_000);
    expect(backlog.end - backlog.start).toBeGreaterThanOrEqual(10_000);
    expect(backlog.end - backlog.start).toBeLessThan(20_000);
    expect(backlog.readFrom(0)?.at).toBe(backlog.start);
    backlog.append(bytes('x'.repeat(50_000)));
    expect(readAll(backlog, 0)).toMatch(/^x{10000,20000}$/);
    expect(backlog.end).toBe(130_000);
  });

  test('is not changed by whoever gave the bytes', () => {
    const backlog = new SerialBacklog(10);
    const given = bytes('abc');
    backlog.append(given);
    given.fill(0);
    expect(readAll(backlog, 0)).toBe('abc');
  });

  test('puts what the guest wrote elsewhere ahead of what it wrote here, as far as that is wanted', () => {
    const backlog = new SerialBacklog(10);
    backlog.inherit(bytes('0123456789abcdef'));
    backlog.append(bytes('XYZ'));
    const { inherited, position } = backlog.tail(5);
    expect(text(inherited) + readAll(backlog, position)).toBe('efXYZ');
    expect(text(backlog.tail(100).inherited)).toBe('6789abcdef');
    expect(backlog.tail(3).inherited).toHaveLength(0);
    expect(backlog.tail(0)).toEqual({ position: 3, inherited: new Uint8Array(0) });
  });

  test('forgets what the guest wrote elsewhere once there is more than enough from here', () => {
    const backlog = new SerialBacklog(4096);
    backlog.inherit(bytes('old'));
    for (const piece of ['a', 'b', 'c']) backlog.append(bytes(piece.repeat(4096)));
    expect(backlog.tail(100_000).inherited).toHaveLength(0);
  });
});
