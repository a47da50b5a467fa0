import type { PeerCertificate } from 'node:tls';
import type { NodeName } from '../../model/names.ts';

const ORGANISATION = 'godwit';

/** The node a certificate was made for: its common name, if its organisation is ours. Undefined for any other certificate. */
export function nodeNameOf(certificate: Pick<PeerCertificate, 'subject'> | undefined): NodeName | undefined {
  // Without a certificate Node.js gives an object without a subject. A field that occurs twice is an array.
  const subject = certificate?.subject as { CN?: unknown; O?: unknown } | undefined;
  if (subject === undefined || subject.O !== ORGANISATION) return undefined;
  return typeof subject.CN === 'string' && subject.CN !== '' ? subject.CN : undefined;
}

type Shown = Pick<PeerCertificate, 'subject' | 'serialNumber'>;

/** What is wrong with this certificate for a connection to `expected`; undefined if nothing. */
export function whyNotNode(
  expected: NodeName,
  certificate: Shown,
  isRevoked?: (serial: string) => boolean,
): Error | undefined {
  const name = nodeNameOf(certificate);
  if (name === undefined) return new Error(`the certificate there is not that of a Godwit node`);
  if (name !== expected) return new Error(`the certificate there is that of ${name}, not of ${expected}`);
  if (isRevoked?.(certificate.serialNumber) !== true) return undefined;
  return new Error(`the certificate there is that of a ${name} that was removed from the cluster`);
}
