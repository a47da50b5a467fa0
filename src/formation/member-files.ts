/** The files that make a machine a member of a cluster. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkAgentConfig } from '../adapters/node-facts/load-agent-config.ts';
import { revocationFiles } from '../adapters/pki/revocation-files.ts';
import { type IssuedIdentity, replaceFiles, writeIdentity } from '../adapters/pki/identity-files.ts';
import type { AgentConfig } from '../model/agent-config.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { JoinTokenRecord } from '../model/formation.ts';
import type { NodeRole } from '../model/node.ts';

export const DEFAULT_CONFIG_DIRECTORY = '/etc/godwit';

/** In the state directory: which cluster this machine belongs to. */
const IDENTITY_FILE = 'cluster.json';
/** In the state directory: tokens that are put into the store at the agent's first start. */
export const FIRST_TOKENS_FILE = 'first-tokens.json';

export interface MemberParts {
  readonly clusterName: string;
  readonly node: string;
  readonly role: NodeRole;
  readonly members: readonly { readonly name: string; readonly address: string }[];
  readonly administrator: AgentConfig['administrator'];
  /** See AgentConfig; none for the first node. */
  readonly admission?: string;
}

export function configFile(directory: string): string {
  return join(directory, 'agent.json');
}

/** Checked as the agent itself checks it. Throws INVALID_INPUT. */
export function memberConfig(
  directory: string,
  settings: Readonly<Record<string, unknown>>,
  parts: MemberParts,
): AgentConfig {
  const { clusterName, node, role, administrator, members, admission } = parts;
  const pki = {
    caCertificate: join(directory, 'pki/ca-cert.pem'),
    certificate: join(directory, 'pki/cert.pem'),
    key: join(directory, 'pki/key.pem'),
    qemuDirectory: join(directory, 'pki/qemu'),
    ...(role === 'node' && { caKey: join(directory, 'pki/ca-key.pem') }),
  };
  const store = { ...(settings['store'] as object), members };
  const own = { clusterName, node, role, pki, store, administrator, ...(admission !== undefined && { admission }) };
  return checkAgentConfig(configFile(directory), { ...settings, ...own });
}

/** Throws JOIN_ALREADY_MEMBER. Where the configuration was deleted, the state still says it. */
export function refuseSecondCluster(directory: string, stateDirectory: string): void {
  const identity = join(stateDirectory, IDENTITY_FILE);
  const members = existsSync(stateDirectory)
    ? readdirSync(stateDirectory).filter((name) => /^etcd(-|$)/.test(name))
    : [];
  const found = [configFile(directory), identity, ...members.map((name) => join(stateDirectory, name))].filter(
    existsSync,
  );
  if (found.length === 0) return;
  const known = existsSync(identity) ? readIdentity(identity) : null;
  const which = known === null ? 'a cluster' : `the cluster "${known.clusterName}" as ${known.node}`;
  throw new GodwitError({
    code: 'JOIN_ALREADY_MEMBER',
    message: `This machine belongs or belonged to ${which}: there is ${found.join(', ')}.`,
    state: NOTHING_CHANGED,
    nextStep:
      `Remove it from that cluster (on another node: godwit node evict ${known?.node ?? 'NAME'}), stop its agent, ` +
      `delete ${directory} and ${stateDirectory}, then try again.`,
  });
}

function readIdentity(path: string): { clusterName: string; node: string } | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as { clusterName: string; node: string };
  } catch {
    return null;
  }
}

export interface MemberFiles {
  readonly config: AgentConfig;
  readonly identity: IssuedIdentity;
  /** Null on a witness. */
  readonly caKey: string | null;
  readonly tokens: readonly JoinTokenRecord[];
  /** X.509 CRL, PEM. */
  readonly revocationList: string;
}

/** The configuration last: whoever waits for it finds everything else there. */
export async function writeMember(directory: string, files: MemberFiles): Promise<void> {
  const { config, identity, caKey, tokens, revocationList } = files;
  mkdirSync(config.stateDirectory, { recursive: true, mode: 0o700 });
  mkdirSync(join(directory, 'pki'), { recursive: true, mode: 0o755 });
  const { caCertificate, certificate, key, qemuDirectory } = config.pki;
  const paths = { caCertificate, certificate, key, qemuDirectory: config.role === 'node' ? qemuDirectory : null };
  await writeIdentity(paths, identity, config.qemu.user?.gid ?? null);
  await revocationFiles(paths).write(revocationList);
  if (caKey !== null && config.pki.caKey !== undefined) {
    await replaceFiles([{ path: config.pki.caKey, text: caKey, mode: 0o600 }]);
  }
  const known = { clusterName: config.clusterName, node: config.node };
  await replaceFiles([
    { path: join(config.stateDirectory, IDENTITY_FILE), text: json(known), mode: 0o600 },
    ...(tokens.length === 0
      ? []
      : [{ path: join(config.stateDirectory, FIRST_TOKENS_FILE), text: json(tokens), mode: 0o600 }]),
  ]);
  await replaceFiles([{ path: configFile(directory), text: json(config), mode: 0o600 }]);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
