/** A machine that belongs to no cluster becomes a node or the witness of one. */
import { createHash, randomBytes } from 'node:crypto';
import { createClient } from '../client/client.ts';
import { createNodeTransport } from '../client/node-transport.ts';
import { findPinnedAuthority } from '../client/node-pinned-authority.ts';
import { joinCluster as joinRoute } from '../contract/join.ts';
import type { AgentConfig } from '../model/agent-config.ts';
import { GodwitError } from '../model/errors.ts';
import { STORE_FORMAT } from '../model/formation.ts';
import { parseJoinToken } from '../model/join-token.ts';
import { parseName } from '../model/names.ts';
import type { NodeRole } from '../model/node.ts';
import { forgetJoinRequest, type JoinRequest, keepJoinRequest } from './join-request.ts';
import { machineSettings } from './machine-settings.ts';
import { configFile, memberConfig, refuseSecondCluster, writeMember } from './member-files.ts';

export interface JoinClusterInput {
  /** API of any node of the cluster. */
  readonly url: string;
  readonly token: string;
  readonly role: NodeRole;
  readonly node: string;
  readonly addresses: readonly string[];
  readonly configDirectory: string;
  readonly optionsFile: string | undefined;
  /** Version of Godwit here. */
  readonly version: string;
  /** For how long a cluster that does not answer yet is asked again, in milliseconds. */
  readonly waitMs: number;
}

export interface JoinedCluster {
  readonly config: AgentConfig;
  readonly configFile: string;
}

const PAUSE_MS = 100;
/** The last one: many machines join at the same time. */
const PASSING: ReadonlySet<string> = new Set(['CLUSTER_UNREACHABLE', 'STORE_UNAVAILABLE', 'CONCURRENT_CHANGE']);

/** Throws the JOIN_… errors, CLUSTER_UNREACHABLE, REQUIREMENT_MISSING, INVALID_INPUT. Nothing but the keys it asks with is written before the cluster has said yes. */
export async function joinCluster(input: JoinClusterInput): Promise<JoinedCluster> {
  const token = parseJoinToken(input.token);
  const node = parseName('node', input.node);
  const { configDirectory: directory, role } = input;
  const settings = machineSettings({ role, addresses: input.addresses, optionsFile: input.optionsFile });
  // What the cluster will say is not known yet; the rest is checked before the token is used up.
  const parts = { clusterName: 'unknown', node, role, members: [{ name: node, address: '127.0.0.1' }] };
  const administrator = { user: 'unknown', passwordHash: 'scrypt:1:0:0' };
  const draft = memberConfig(directory, settings, { ...parts, administrator });
  refuseSecondCluster(directory, draft.stateDirectory);

  const request = await keepJoinRequest(directory, { tokenId: token.id, node, role });
  const { own, qemu } = request;
  const { ca, admission } = await untilAnswered(input.waitMs, async () => {
    const pinned = await findPinnedAuthority(input.url, token.caFingerprint);
    const transport = createNodeTransport({ url: input.url, user: '', password: '', ca: pinned, anyNode: true });
    try {
      const answer = await createClient(transport).call(joinRoute, {
        body: {
          token: { id: token.id, secret: token.secret },
          applicant: {
            ...{ name: node, role, version: input.version, storeFormat: STORE_FORMAT, wallMs: Date.now() },
            addresses: [...draft.addresses],
          },
          certificateAddresses: [...(draft.certificateAddresses ?? [])],
          request: own.request,
          qemuRequest: qemu?.request ?? null,
        },
      });
      return { ca: pinned, admission: answer };
    } finally {
      transport.close();
    }
  }).catch((error: unknown) => {
    if (isOver(error, request)) forgetJoinRequest(directory);
    throw error;
  });

  const { clusterName, store, certificate, qemuCertificate, revocationList } = admission;
  const config = memberConfig(
    directory,
    { ...settings, store: { ...draft.store, clientPort: store.clientPort, peerPort: store.peerPort } },
    {
      ...{ clusterName, node, role, members: store.members },
      administrator: admission.administrator ?? nobody(),
      admission: createHash('sha256').update(own.request).digest('hex'),
    },
  );
  const qemuIdentity =
    qemu === null || qemuCertificate === null ? null : { key: qemu.key, certificate: qemuCertificate };
  const identity = { ca, key: own.key, certificate, qemu: qemuIdentity };
  await writeMember(directory, { config, identity, caKey: admission.caKey, tokens: [], revocationList });
  forgetJoinRequest(directory);
  return { config, configFile: configFile(directory) };
}

/** Whether asking again would be pointless: it was refused, and no earlier try can have succeeded, or its token is of no use any more. */
function isOver(error: unknown, { fresh }: JoinRequest): boolean {
  if (!(error instanceof GodwitError)) return false;
  if (['JOIN_TOKEN_INVALID', 'JOIN_TOKEN_EXPIRED'].includes(error.code)) return true;
  return fresh && /^(JOIN_|NAME_|INVALID_)/.test(error.code);
}

/** A witness has no API to sign in to, so it does not learn the password's hash: there is no password for this one. */
function nobody(): AgentConfig['administrator'] {
  return {
    user: 'nobody',
    passwordHash: `scrypt:16384:${randomBytes(16).toString('hex')}:${randomBytes(32).toString('hex')}`,
  };
}

/** A node that is still starting does not listen yet, or its database does not answer yet. */
async function untilAnswered<T>(waitMs: number, ask: () => Promise<T>): Promise<T> {
  const giveUpAtMs = Date.now() + waitMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const passing = error instanceof GodwitError && PASSING.has(error.code);
      if (!passing || Date.now() >= giveUpAtMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
