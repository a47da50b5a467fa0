import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentConfig } from '../../model/agent-config.ts';

const MARK = 'checked-configuration';

/**
 * The configuration of an agent, checked once per boot and version of the file. An agent that starts again after a crash has only
 * the rest of its guests' authority to prove itself, and the code that checks is a good part of what it would have to load.
 * Throws INVALID_INPUT naming the file and the field.
 */
export async function readAgentConfig(path: string, version: string): Promise<AgentConfig> {
  const known = readChecked(path, version);
  if (known !== null) return known;
  const { loadAgentConfig } = await import('./load-agent-config.ts');
  const config = await loadAgentConfig(path);
  noteChecked(path, version, config);
  return config;
}

/** Null unless exactly this text was checked by this version, and is JSON. */
function readChecked(path: string, version: string): AgentConfig | null {
  try {
    const text = readFileSync(path, 'utf8');
    const config = JSON.parse(text) as AgentConfig;
    return readFileSync(join(config.runtimeDirectory, MARK), 'utf8') === markOf(text, version) ? config : null;
  } catch {
    // There is no such mark, or something about the file is wrong, which the check will name.
    return null;
  }
}

function noteChecked(path: string, version: string, { runtimeDirectory }: AgentConfig): void {
  mkdirSync(runtimeDirectory, { recursive: true });
  writeFileSync(join(runtimeDirectory, MARK), markOf(readFileSync(path, 'utf8'), version), { mode: 0o600 });
}

function markOf(text: string, version: string): string {
  return `${version} ${createHash('sha256').update(text).digest('hex')}\n`;
}
