import { X509Certificate } from 'node:crypto';
import type { IssuedCertificate } from '../../model/formation.ts';

/** PEM. */
export function identifyCertificate(certificate: string | Buffer): IssuedCertificate {
  const { serialNumber, validToDate } = new X509Certificate(certificate);
  return { serial: serialNumber.toLowerCase(), expiresAt: validToDate.toISOString() };
}
