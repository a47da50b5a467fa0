import { isoDate } from '../migration/write-receipt.ts';
import { isRenewalDue } from '../model/certificate-life.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { NodeName } from '../model/names.ts';
import { knownNodes } from '../model/cluster-state.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/events.ts';
import type { Log } from '../ports/log.ts';
import type { PeerHandlers, Peers, PeerRequests } from '../ports/peers.ts';
import type { CertificateIssuer, IdentityPem, NodeIdentity } from '../ports/pki.ts';
import type { ClusterStore } from '../ports/store.ts';
import type { ClusterView } from './cluster-view.ts';
import { recordCertificates } from './revocations.ts';

export interface RenewalPorts {
  readonly node: NodeName;
  /** All addresses that this node's certificate names. */
  readonly addresses: readonly string[];
  readonly identity: NodeIdentity;
  /** Null: this node has to ask another. */
  readonly issuer: CertificateIssuer | null;
  readonly view: ClusterView;
  readonly peers: Peers;
  readonly events: EventLog;
  readonly store: ClusterStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Who shows the certificate to others takes the new one; connections that are open stay. */
  readonly use: (identity: IdentityPem) => void;
}

const LOOK_EVERY_MS = 3_600_000;
const ASK_MS = 5000;

type Issued = PeerRequests['renew-certificate']['response'];

/** Renews this node's certificate when two thirds of its life are over, and tries again every hour until it has. */
export function renewCertificates(ports: RenewalPorts): () => void {
  const { clock, log } = ports;
  let working = false;
  const look = () => {
    if (working) return;
    working = true;
    void lookAtCertificate(ports)
      .catch((error: unknown) => log.error("This node's certificate could not be recorded or renewed yet", { error }))
      .finally(() => {
        working = false;
      });
  };
  look();
  return clock.every(LOOK_EVERY_MS, look);
}

async function lookAtCertificate(ports: RenewalPorts): Promise<void> {
  const { node, identity, clock } = ports;
  // Those with which the cluster began, and those of an agent that ended while it installed them.
  await recordCertificates(node, identity.certificates(), ports);
  if (isRenewalDue(identity.validity(), clock.wallMs())) await renewCertificate(ports);
}

/** Now, whatever the age of the certificate in use. Throws if nobody issues one. */
export async function renewCertificate(ports: RenewalPorts): Promise<void> {
  const { identity, log } = ports;
  const prepared = await identity.prepareRenewal();
  const issued = await issue(ports, prepared);
  const known = [issued.certificate, issued.qemuCertificate].flatMap((pem) =>
    pem === null ? [] : identity.identify(pem),
  );
  // Ahead of its use: an eviction revokes what the store knows.
  if (!(await recordCertificates(ports.node, known, ports))) return;
  await identity.install(issued);
  ports.use(identity.current());
  const validUntil = isoDate(identity.validity().notAfterMs);
  log.info("This node's certificate was renewed", { validUntil });
  ports.events.say({
    ...{ kind: 'certificate-renewed', critical: false, node: ports.node, vm: null },
    text: `The certificate of ${ports.node} was renewed; it is valid until ${validUntil}.`,
    reason: 'Two thirds of the life of the one before are over.',
  });
}

async function issue(ports: RenewalPorts, request: PeerRequests['renew-certificate']['request']): Promise<Issued> {
  if (ports.issuer !== null) {
    return issueFor(ports.issuer, { name: ports.node, addresses: ports.addresses }, request);
  }
  let lastError: unknown = new Error('no node is known');
  for (const { facts } of knownNodes(ports.view.current())) {
    const { name, role, addresses, peerPort } = facts.value;
    if (role === 'witness' || name === ports.node) continue;
    try {
      return await ports.peers.peer(name, addresses, peerPort).call('renew-certificate', request, ASK_MS);
    } catch (error) {
      lastError = error;
    }
  }
  throw lastError;
}

/** Answers members that do not have the authority's key. They get what they had: the name in their certificate, and the addresses they published. */
export function renewalHandler(
  view: ClusterView,
  issuer: CertificateIssuer | null,
): Pick<PeerHandlers, 'renew-certificate'> {
  return {
    'renew-certificate': (request, from) => {
      const facts = view.current().nodes.get(from)?.facts?.value;
      if (issuer === null || facts === undefined) {
        throw new GodwitError({
          code: 'REQUIREMENT_MISSING',
          message: issuer === null ? 'This node does not have the key of the authority.' : `${from} is not known here.`,
          state: NOTHING_CHANGED,
          nextStep: 'Nothing is to be done: another node is asked.',
        });
      }
      const addresses = [...facts.addresses, ...(facts.certificateAddresses ?? [])];
      return issueFor(issuer, { name: from, addresses }, request);
    },
  };
}

async function issueFor(
  issuer: CertificateIssuer,
  subject: { readonly name: NodeName; readonly addresses: readonly string[] },
  { request, qemuRequest }: PeerRequests['renew-certificate']['request'],
): Promise<Issued> {
  return {
    certificate: await issuer.issue(request, subject),
    qemuCertificate: qemuRequest === null ? null : await issuer.issue(qemuRequest, subject),
  };
}
