/** The first node of a new cluster, out of a machine that belongs to none. */
import { createHash, randomBytes, scryptSync } from 'node:crypto';
import { makeAuthority } from '../adapters/pki/certificate-authority.ts';
import { makeRequest } from '../adapters/pki/key-pair.ts';
import { openAuthority } from '../adapters/pki/open-authority.ts';
import type { AgentConfig } from '../model/agent-config.ts';
import type { JoinTokenRecord } from '../model/formation.ts';
import { formatJoinToken } from '../model/join-token.ts';
import { parseName } from '../model/names.ts';
import { machineSettings } from './machine-settings.ts';
import { configFile, memberConfig, refuseSecondCluster, writeMember } from './member-files.ts';

export interface CreateClusterInput {
  readonly clusterName: string;
  readonly node: string;
  readonly addresses: readonly string[];
  readonly configDirectory: string;
  readonly optionsFile: string | undefined;
  readonly administrator: { readonly user: string; readonly password: string };
  /** How many tokens to make. */
  readonly tokens: number;
  readonly tokenValidSeconds: number;
}

export interface CreatedCluster {
  readonly config: AgentConfig;
  readonly configFile: string;
  readonly caCertificate: string;
  readonly tokens: readonly string[];
  readonly tokensExpireAt: string;
}

/** Its first agent puts another one in its place at once. */
const LIST_VALID_MS = 30 * 86_400_000;

/** Throws JOIN_ALREADY_MEMBER, NAME_MALFORMED, REQUIREMENT_MISSING, INVALID_INPUT; nothing was written then. */
export async function createCluster(input: CreateClusterInput): Promise<CreatedCluster> {
  const node = parseName('node', input.node);
  const clusterName = parseName('cluster', input.clusterName);
  const { configDirectory: directory, optionsFile, addresses } = input;
  const settings = machineSettings({ role: 'node', addresses, optionsFile });
  const { user, password } = input.administrator;
  const config = memberConfig(directory, settings, {
    ...{ clusterName, node, role: 'node' as const },
    members: [{ name: node, address: (settings['addresses'] as string[])[0] ?? '' }],
    administrator: { user, passwordHash: hashPassword(password) },
  });
  refuseSecondCluster(directory, config.stateDirectory);
  const authority = await makeAuthority(clusterName);
  const issuer = openAuthority(authority.certificate, authority.key);
  const subject = { name: node, addresses: [...config.addresses, ...(config.certificateAddresses ?? [])] };
  const issue = async () => {
    const { key, request } = await makeRequest(node);
    return { key, certificate: await issuer.issue(request, subject) };
  };
  const nowMs = Date.now();
  const revocationList = await issuer.revoke([], { number: 1, signedAtMs: nowMs, validUntilMs: nowMs + LIST_VALID_MS });
  const identity = { ca: authority.certificate, ...(await issue()), qemu: await issue() };
  const tokens = Array.from({ length: input.tokens }, () => makeToken(input.tokenValidSeconds));
  const records = tokens.map(({ record }) => record);
  await writeMember(directory, { config, identity, caKey: authority.key, tokens: records, revocationList });
  return {
    config,
    configFile: configFile(directory),
    caCertificate: authority.certificate,
    tokens: tokens.map(({ id, secret }) => formatJoinToken({ id, secret, caFingerprint: issuer.fingerprint })),
    tokensExpireAt: records[0]?.expiresAt ?? '',
  };
}

/** The store does not run yet; the agent puts the record there when it starts. */
function makeToken(validSeconds: number): { id: string; secret: string; record: JoinTokenRecord } {
  const id = randomBytes(9).toString('base64url');
  const secret = randomBytes(32).toString('base64url');
  const secretHash = createHash('sha256').update(secret).digest('hex');
  const nowMs = Date.now();
  const times = {
    createdAt: new Date(nowMs).toISOString(),
    expiresAt: new Date(nowMs + validSeconds * 1000).toISOString(),
  };
  return { id, secret, record: { id, secretHash, ...times, usedBy: null } };
}

function hashPassword(password: string): string {
  const cost = 16384;
  const salt = randomBytes(16);
  const hash = scryptSync(password, salt, 32, { N: cost, r: 8, p: 1 });
  return `scrypt:${cost}:${salt.toString('hex')}:${hash.toString('hex')}`;
}
