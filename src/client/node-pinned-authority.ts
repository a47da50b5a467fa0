/** Finds the certificate of a cluster's authority by its fingerprint, at an address that is not trusted yet. */
import { createHash } from 'node:crypto';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { GodwitError, NOTHING_CHANGED } from '../contract/error-body.ts';
import { parseClusterUrl } from './cluster-url.ts';

const CONNECT_MS = 5000;

/**
 * Looks at the certificates that are shown there and says nothing. The one with the fingerprint (SHA-256 of its DER form, base64url) is the
 * authority; whether what answers holds a certificate of that authority is checked by the connection that is made then.
 * Resolves with its PEM. Throws CLUSTER_UNREACHABLE, JOIN_CA_UNKNOWN, JOIN_CLOCK_WRONG.
 */
export async function findPinnedAuthority(url: string, fingerprint: string): Promise<string> {
  const { hostname, port } = parseClusterUrl(url);
  const chain = await shownChain(hostname.replace(/^\[|\]$/g, ''), Number(port || 443), url);
  const authority = chain.find((one) => createHash('sha256').update(one.raw).digest('base64url') === fingerprint);
  if (authority === undefined) {
    throw new GodwitError({
      code: 'JOIN_CA_UNKNOWN',
      message: `What answers at ${url} does not belong to the cluster of this token: its certificate is from another authority.`,
      state: `${NOTHING_CHANGED} Nothing was sent.`,
      nextStep: 'Check the address, and that the token is from that cluster.',
    });
  }
  for (const one of chain) checkTime(one);
  return `-----BEGIN CERTIFICATE-----\n${authority.raw
    .toString('base64')
    .replace(/.{64}/g, '$&\n')
    .trimEnd()}\n-----END CERTIFICATE-----\n`;
}

function checkTime(certificate: DetailedPeerCertificate): void {
  const nowMs = Date.now();
  if (nowMs >= Date.parse(certificate.valid_from) && nowMs <= Date.parse(certificate.valid_to)) return;
  throw new GodwitError({
    code: 'JOIN_CLOCK_WRONG',
    message:
      `By this machine's clock it is ${new Date(nowMs).toISOString()}; a certificate of the cluster is valid ` +
      `from ${certificate.valid_from} to ${certificate.valid_to}.`,
    state: NOTHING_CHANGED,
    nextStep: 'Set the clock by a time service (chrony, systemd-timesyncd), then try again.',
  });
}

function shownChain(host: string, port: number, url: string): Promise<DetailedPeerCertificate[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, rejectUnauthorized: false, timeout: CONNECT_MS });
    const fail = (reason: string) => {
      socket.destroy();
      reject(
        new GodwitError({
          code: 'CLUSTER_UNREACHABLE',
          message: `No answer from ${url}: ${reason}.`,
          state: NOTHING_CHANGED,
          nextStep: 'Check that the node runs and that its address is reachable from here.',
        }),
      );
    };
    socket.once('error', (error) => fail(error.message));
    socket.once('timeout', () => fail(`nothing within ${CONNECT_MS / 1000} s`));
    socket.once('secureConnect', () => {
      const chain: DetailedPeerCertificate[] = [];
      let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
      // A self-signed certificate names itself as its issuer.
      while (next?.raw !== undefined && !chain.includes(next)) {
        chain.push(next);
        next = next.issuerCertificate;
      }
      socket.end();
      resolve(chain);
    });
  });
}
