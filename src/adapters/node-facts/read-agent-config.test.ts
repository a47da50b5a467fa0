import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { testAgentConfig } from '../../../test/doubles/agent-config.ts';
import { readAgentConfig } from './read-agent-config.ts';

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'godwit-config-'));
  file = join(directory, 'agent.json');
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(change: Record<string, unknown> = {}): void {
  writeFileSync(file, JSON.stringify({ ...testAgentConfig, runtimeDirectory: join(directory, 'run'), ...change }));
}

describe('readAgentConfig', () => {
  test('gives the same the second time, when only the mark is looked at', async () => {
    write();
    const first = await readAgentConfig(file, '1.0.0');
    expect(await readAgentConfig(file, '1.0.0')).toEqual(first);
    expect(readFileSync(join(directory, 'run/checked-configuration'), 'utf8')).toMatch(/^1\.0\.0 [0-9a-f]{64}\n$/);
  });

  test('checks a file that has changed since', async () => {
    write();
    await readAgentConfig(file, '1.0.0');
    write({ peerPort: 'none' });
    await expect(readAgentConfig(file, '1.0.0')).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('peerPort'),
    });
  });

  test('checks again after an upgrade: the new version may want more of it', async () => {
    write();
    await readAgentConfig(file, '1.0.0');
    await readAgentConfig(file, '1.1.0');
    expect(readFileSync(join(directory, 'run/checked-configuration'), 'utf8')).toMatch(/^1\.1\.0 /);
  });

  test('reads YAML, which is checked each time', async () => {
    writeFileSync(file, `clusterName: [\n`);
    await expect(readAgentConfig(file, '1.0.0')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});
