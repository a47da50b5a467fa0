/** A line older than this is about something else. */
const RECENT_MS = 10_000;

interface LogLine {
  readonly level?: unknown;
  readonly ts?: unknown;
  readonly msg?: unknown;
  readonly error?: unknown;
}

/**
 * Why etcd has ended, from the last lines of its log (zap's JSON): the newest of level `fatal` or `panic`, as one part of a sentence.
 * `removed`: it has lost its seat, which ends it as well. `nowMs`: wall clock.
 */
export function etcdLastWords(
  lines: readonly string[],
  nowMs: number,
): { readonly words: string | null; readonly removed: boolean } {
  const recent = lines.map(parse).filter(({ ts }) => typeof ts === 'string' && nowMs - Date.parse(ts) < RECENT_MS);
  const removed = recent.some(({ error }) => typeof error === 'string' && error.includes('permanently removed'));
  const last = recent.findLast(({ level }) => level === 'fatal' || level === 'panic');
  if (last === undefined) return { words: null, removed };
  const words = [last.msg, last.error].filter((part) => typeof part === 'string' && part !== '').join(': ');
  return { words: words === '' ? null : words, removed };
}

function parse(line: string): LogLine {
  try {
    return (JSON.parse(line) as LogLine | null) ?? {};
  } catch {
    // The trace of a panic, or a line that was cut off.
    return {};
  }
}
