import { expect, test } from 'vitest';
import { etcdLastWords } from './etcd-last-words.ts';

const NOW = Date.parse('2026-11-23T19:23:53.322Z');
const line = (fields: object) => JSON.stringify({ ts: '2026-11-23T19:23:52.881Z', caller: 'x.go:1', ...fields });

test('the newest fatal line says why, whatever follows it', () => {
  const lines = [
    line({ level: 'warn', msg: 'closed TCP streaming connection' }),
    line({ level: 'fatal', msg: 'failed to save', error: 'write wal: no space left on device', stacktrace: 'a\\nb' }),
    'goroutine 1 [running]:',
    '{"level":"warn","ts":"2026',
  ];
  expect(etcdLastWords(lines, NOW)).toEqual({
    ...{ words: 'failed to save: write wal: no space left on device', removed: false },
  });
});

test('nothing is said by one that was killed, whatever an earlier one has said', () => {
  const old = line({ level: 'panic', msg: 'earlier', ts: '2026-11-23T19:20:00.000Z' });
  expect(etcdLastWords([old, line({ level: 'warn', msg: 'slow' }), 'null'], NOW)).toEqual({
    ...{ words: null, removed: false },
  });
});

test('one that lost its seat is told from one that failed', () => {
  const error = 'the member has been permanently removed from the cluster';
  expect(etcdLastWords([line({ level: 'warn', msg: 'server error', error })], NOW).removed).toBe(true);
});
