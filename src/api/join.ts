import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { createJoinToken, joinCluster } from '../contract/join.ts';
import { checkJoin, type JoinSight } from '../failover/join-checks.ts';
import { GodwitError } from '../model/errors.ts';
import { keepIssued, nextValidity } from '../failover/revocations.ts';
import type {
  Applicant,
  IssuedCertificate,
  JoinTokenRecord,
  NodeAdmission,
  NodeCertificates,
  RevocationRecord,
} from '../model/formation.ts';
import { formatJoinToken } from '../model/join-token.ts';
import { keys } from '../model/keys.ts';
import type { NodeFacts } from '../model/node.ts';
import type { StoreEntry } from '../ports/store.ts';
import { type Change, commitChange } from './commit.ts';
import type { ApiContext } from './context.ts';
import { requireFormation } from './formation-context.ts';
import { answer, type Call, serve } from './resource.ts';

const TOKEN_VALID_SECONDS = 3600;
/** Tokens that ended this long ago are forgotten. */
const TOKEN_KEPT_MS = 7 * 86_400_000;
/** A wrong token is answered this much later. */
const FAILURE_DELAY_MS = 400;

/** Tokens, and the machines that come with them. */
export function serveJoin(app: FastifyInstance, context: ApiContext): void {
  serve(app, createJoinToken, async ({ body }) => answer(201, await makeToken(context, body.validSeconds)));
  serve(app, joinCluster, async (call) => {
    try {
      return answer(200, await admit(context, call));
    } catch (error) {
      if (error instanceof GodwitError && error.code === 'JOIN_TOKEN_INVALID') {
        await context.clock.sleep(FAILURE_DELAY_MS);
      }
      throw error;
    }
  });
}

async function makeToken(context: ApiContext, validSeconds = TOKEN_VALID_SECONDS) {
  const { issuer } = requireFormation(context);
  const nowMs = context.clock.wallMs();
  // 122 random bits each.
  const id = context.ids.uuid().replaceAll('-', '').slice(0, 16);
  const secret = `${context.ids.uuid()}${context.ids.uuid()}`.replaceAll('-', '');
  const record: JoinTokenRecord = {
    id,
    secretHash: hashOf(secret),
    createdAt: new Date(nowMs).toISOString(),
    expiresAt: new Date(nowMs + validSeconds * 1000).toISOString(),
    usedBy: null,
  };
  const old = (await context.store.list(keys.joinTokens)).filter(
    ({ value }) => Date.parse((value as JoinTokenRecord).expiresAt) < nowMs - TOKEN_KEPT_MS,
  );
  await commitChange(context, async () => ({
    transaction: {
      compare: [{ key: keys.joinToken(id), modRevision: '0' }],
      write: [{ put: keys.joinToken(id), value: record }, ...old.map(({ key }) => ({ delete: key }))],
    },
    proof: { key: keys.joinToken(id), value: record },
    result: null,
  }));
  return {
    token: formatJoinToken({ id, secret, caFingerprint: issuer.fingerprint }),
    expiresAt: record.expiresAt,
  };
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

type JoinCall = Call<typeof joinCluster>;

/** The certificates are made first: a token that was used for nothing would be lost. */
async function admit(context: ApiContext, call: JoinCall) {
  const { issuer, storeMembers } = requireFormation(context);
  const { body } = call;
  const { name, role } = body.applicant;
  // Ahead of signing, which costs time that only those who may join are given.
  await look(context, body);
  const addresses = [...new Set([...body.applicant.addresses, ...body.certificateAddresses])];
  const certificate = await issuer.issue(body.request, { name, addresses });
  const qemuCertificate = body.qemuRequest === null ? null : await issuer.issue(body.qemuRequest, { name, addresses });
  const issued = [certificate, qemuCertificate].flatMap((pem) => (pem === null ? [] : issuer.identify(pem)));
  await commitChange(context, async () => admission(context, body, issued));
  context.log.info('A machine was let into the cluster', { name, role, addresses: body.applicant.addresses });
  context.events.say({
    ...{ kind: 'node-joined', critical: false, node: name, vm: null },
    text: `${name} was let into the cluster as ${role === 'node' ? 'a node' : 'the witness'}.`,
    reason: `It came with a token, from ${body.applicant.addresses.join(', ')}.`,
  });
  const { clientPort, peerPort } = context.config.store;
  const isNode = role === 'node';
  return {
    clusterName: context.config.clusterName,
    certificate,
    qemuCertificate,
    caKey: isNode ? issuer.key : null,
    store: { members: storeMembers().map(({ name, address }) => ({ name, address })), clientPort, peerPort },
    administrator: isNode ? context.config.administrator : null,
    revocationList: await revocationList(context),
  };
}

/** As the store has it; a cluster that has revoked nothing may have none yet. */
async function revocationList(context: ApiContext): Promise<string> {
  const record = (await context.store.get(keys.revocations))?.value as RevocationRecord | undefined;
  if (record !== undefined) return record.list;
  return requireFormation(context).issuer.revoke([], nextValidity(undefined, context.clock.wallMs()));
}

interface Looked {
  readonly token: StoreEntry;
  /** Keys of the node that somebody else may write at the same time. */
  readonly admission: StoreEntry | undefined;
  readonly certificates: StoreEntry | undefined;
  readonly last: StoreEntry | undefined;
}

/** Throws the reason against it. */
async function look(context: ApiContext, body: JoinCall['body']): Promise<Looked> {
  // Ahead of the members: who is let in after this is noticed by the compare.
  const last = await context.store.get(keys.lastAdmission);
  const [token, nodes] = await Promise.all([
    context.store.get(keys.joinToken(body.token.id)),
    context.store.list(keys.nodes),
  ]);
  const record = token?.value as JoinTokenRecord | undefined;
  const secretFits =
    record !== undefined &&
    timingSafeEqual(Buffer.from(hashOf(body.token.secret), 'hex'), Buffer.from(record.secretHash, 'hex'));
  const { name } = body.applicant;
  // The answer to the first try was lost on the way: the same machine comes again with the same token.
  const has = (wanted: string) => nodes.some(({ key }) => key === wanted);
  // One that was removed since then is not: its token must not bring it back.
  const isAwaited = has(keys.nodeAdmission(name)) && !has(keys.nodeFacts(name));
  // Known by its request, which nobody else can make use of: it is for a key that only this machine has.
  const isSame = record?.usedBy?.node === name && record.usedBy.requestHash === hashOf(body.request);
  const again = secretFits && isSame && isAwaited;
  const applicant: Applicant = { ...body.applicant, certificateAddresses: body.certificateAddresses };
  checkJoin(applicant, {
    token: again && record !== undefined ? { ...record, usedBy: null } : record,
    secretFits,
    members: membersOf(nodes).filter((member) => !(again && member.name === name)),
    version: context.version,
    wallMs: context.clock.wallMs(),
  });
  if (token === undefined) throw new Error('A token that is absent was accepted.');
  const find = (wanted: string) => nodes.find(({ key }) => key === wanted);
  const [admitted, certificates] = [find(keys.nodeAdmission(name)), find(keys.nodeCertificates(name))];
  return { token, admission: admitted, certificates, last };
}

/** By what each node published, and by what was kept for those that have not started yet. */
function membersOf(entries: readonly StoreEntry[]): JoinSight['members'] {
  return entries.flatMap(({ key, value }): JoinSight['members'] => {
    const [name = '', part] = key.slice(keys.nodes.length).split('/');
    if (part === 'facts') {
      const facts = value as NodeFacts;
      return [{ name, addresses: allAddresses(facts), version: facts.agentVersion }];
    }
    return part === 'admission' ? [{ name, addresses: allAddresses(value as NodeAdmission), version: null }] : [];
  });
}

function allAddresses({ addresses, certificateAddresses = [] }: NodeFacts | NodeAdmission): readonly string[] {
  return [...addresses, ...certificateAddresses];
}

/** Uses the token up and keeps name and addresses for the machine, in one transaction. */
async function admission(
  context: ApiContext,
  body: JoinCall['body'],
  issued: readonly IssuedCertificate[],
): Promise<Change<null>> {
  const { token, admission: known, certificates, last } = await look(context, body);
  const { name, role, addresses } = body.applicant;
  const nowMs = context.clock.wallMs();
  const at = new Date(nowMs).toISOString();
  const requestHash = hashOf(body.request);
  const used: JoinTokenRecord = { ...(token.value as JoinTokenRecord), usedBy: { node: name, at, requestHash } };
  const { certificateAddresses } = body;
  const admitted: NodeAdmission = {
    ...{ role, addresses, certificateAddresses, admittedAt: at, requestHash, by: context.nodeName },
  };
  return {
    transaction: {
      compare: [
        { key: token.key, modRevision: token.modRevision },
        { key: keys.nodeAdmission(name), modRevision: known?.modRevision ?? '0' },
        { key: keys.nodeCertificates(name), modRevision: certificates?.modRevision ?? '0' },
        { key: keys.nodeFacts(name), modRevision: '0' },
        { key: keys.lastAdmission, modRevision: last?.modRevision ?? '0' },
      ],
      write: [
        { put: token.key, value: used },
        { put: keys.nodeAdmission(name), value: admitted },
        {
          put: keys.nodeCertificates(name),
          value: keepIssued(certificates?.value as NodeCertificates | undefined, issued, nowMs),
        },
        { put: keys.lastAdmission, value: { node: name, at } },
        { delete: keys.eviction(name) },
      ],
    },
    proof: { key: token.key, value: used },
    result: null,
  };
}
