import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { testAgentConfig } from '../../../test/doubles/agent-config.ts';
import { GodwitError } from '../../model/errors.ts';
import { checkAgentConfig, loadAgentConfig } from './load-agent-config.ts';

const config = testAgentConfig;

function problemOf(value: unknown): string {
  try {
    checkAgentConfig('/etc/agent.json', value);
  } catch (error) {
    if (error instanceof GodwitError && error.code === 'INVALID_INPUT') return error.message;
    throw error;
  }
  return 'none';
}

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'godwit-config-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('loadAgentConfig', () => {
  test('reads JSON and YAML alike', async () => {
    await writeFile(join(directory, 'agent.json'), JSON.stringify(config));
    await writeFile(join(directory, 'agent.yaml'), stringify(config));
    expect(await loadAgentConfig(join(directory, 'agent.json'))).toEqual(config);
    expect(await loadAgentConfig(join(directory, 'agent.yaml'))).toEqual(config);
  });

  test('names the file when it is absent or not readable as YAML', async () => {
    const absent = join(directory, 'absent.json');
    await expect(loadAgentConfig(absent)).rejects.toThrow(`${absent} is not valid: it cannot be read (ENOENT)`);
    await writeFile(join(directory, 'broken.json'), '{"node": ');
    await expect(loadAgentConfig(join(directory, 'broken.json'))).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('checkAgentConfig', () => {
  test('names the field that is wrong, and what it must be', () => {
    expect(problemOf({ ...config, peerPort: '8441' })).toContain('field "peerPort" must be integer.');
    expect(problemOf({ ...config, stateDirectory: 'var' })).toContain(
      'field "stateDirectory" must be an absolute path.',
    );
    expect(problemOf({ ...config, role: 'boss' })).toContain('field "role" must be "node" or "witness".');
    expect(problemOf({ ...config, switches: [{ name: 'lan' }] })).toContain('field "switches[0].bridge" is missing.');
    expect(problemOf({ ...config, labImage: { ...config.labImage, kernel: 5 } })).toContain('labImage');
  });

  test('names a field that is missing or not known', () => {
    const { node: _node, ...withoutNode } = config;
    expect(problemOf(withoutNode)).toContain('field "node" is missing.');
    expect(problemOf({ ...config, pki: { ...config.pki, certificat: '/x' } })).toContain(
      'field "pki.certificat" is not known.',
    );
  });

  test('says how many other fields are wrong', () => {
    expect(problemOf({ ...config, peerPort: 0, vmMemoryBytes: -1 })).toContain('(and 1 more)');
  });

  test('refuses what is not an object', () => {
    expect(problemOf(null)).toContain('the file must be object');
    expect(problemOf('text')).toContain('the file must be object');
  });
});
