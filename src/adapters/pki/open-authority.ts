import { createHash, X509Certificate } from 'node:crypto';
import type { CertificateIssuer } from '../../ports/pki.ts';

/**
 * The authority whose certificate and key (PEM) these are. What it signs with is loaded at its first use: an agent that starts has to be
 * quick, and few ever issue a certificate.
 */
export function openAuthority(certificate: string, key: string): CertificateIssuer {
  let signer: Promise<CertificateIssuer['issue']> | undefined;
  return {
    certificate,
    key,
    fingerprint: createHash('sha256').update(new X509Certificate(certificate).raw).digest('base64url'),
    async issue(request, subject) {
      signer ??= import('./certificate-authority.ts').then(({ openSigner }) => openSigner(certificate, key));
      return (await signer)(request, subject);
    },
  };
}
