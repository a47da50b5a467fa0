import { expect, test } from 'vitest';
import { readOptions, writeOptions } from './fencing-form.ts';

test('options are read line by line; a value may have = in it', () => {
  expect(readOptions('ip = 10.0.0.9\n\npassword=a=b\n')).toEqual({
    kind: 'ready',
    options: { ip: '10.0.0.9', password: 'a=b' },
  });
});

test('a line that is no option, and a secret that is not shown, are said', () => {
  expect(readOptions('ip=10.0.0.9\nlanplus')).toEqual({ kind: 'malformed', line: 'lanplus' });
  expect(readOptions(writeOptions({ ip: '10.0.0.9', password: '***' }))).toEqual({ kind: 'secret', name: 'password' });
});
