import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Cluster } from './cluster.ts';
import type { Context } from './context.ts';
import { bringFile } from './image-bring.ts';

const NOWHERE = { context: {} as Context, cluster: {} as Cluster };

test('a directory and a file that is not there are told apart, before anything is sent', async () => {
  await expect(bringFile(NOWHERE, tmpdir())).rejects.toThrow(`${tmpdir()} is not a file.`);
  await expect(bringFile(NOWHERE, join(tmpdir(), 'godwit-none', 'a.iso'))).rejects.toThrow('There is no file');
});
