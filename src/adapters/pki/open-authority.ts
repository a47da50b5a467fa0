import { createHash, X509Certificate } from 'node:crypto';
import type { CertificateIssuer } from '../../ports/pki.ts';
import type { openSigner } from './certificate-authority.ts';
import { identifyCertificate } from './identify-certificate.ts';

/**
 * The authority whose certificate and key (PEM) these are. What it signs with is loaded at its first use: an agent that starts has to be
 * quick, and few ever issue a certificate.
 */
export function openAuthority(certificate: string, key: string): CertificateIssuer {
  let opened: ReturnType<typeof openSigner> | undefined;
  const signer = () => {
    opened ??= import('./certificate-authority.ts').then((module) => module.openSigner(certificate, key));
    return opened;
  };
  return {
    certificate,
    key,
    fingerprint: createHash('sha256').update(new X509Certificate(certificate).raw).digest('base64url'),
    issue: async (request, subject) => (await signer()).issue(request, subject),
    revoke: async (certificates, validity) => (await signer()).revoke(certificates, validity),
    identify: identifyCertificate,
  };
}
