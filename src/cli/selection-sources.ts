/** Where the choice of a cluster comes from on this machine. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AgentConfig } from '../model/agent-config.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { Profiles, SelectionSources } from './cluster-selection.ts';
import { readLabAccess, readLabNames } from './lab-access.ts';

const OWN_NODE_CONFIG = '/etc/godwit/agent.json';

export function machineSources(env: NodeJS.ProcessEnv): SelectionSources {
  return {
    env,
    readProfiles: () => readJsonFile<Profiles>(profilesPath(env)),
    readOwnNode: async () => {
      const config = await readJsonFile<AgentConfig>(OWN_NODE_CONFIG);
      return config === null ? null : { url: config.api.url, caCertificate: config.pki.caCertificate };
    },
    labNames: readLabNames,
    readLab: readLabAccess,
  };
}

function profilesPath(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'godwit', 'profiles.json');
}

/** Null if there is no such file. */
async function readJsonFile<T>(path: string): Promise<T | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw unreadable(path, error);
  }
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): GodwitError {
  return new GodwitError(
    {
      code: 'INVALID_INPUT',
      message: `${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      state: NOTHING_CHANGED,
      nextStep: 'Correct or remove the file, or name the cluster with --cluster URL.',
    },
    cause,
  );
}
