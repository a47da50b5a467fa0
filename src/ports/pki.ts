import type { IssuedCertificate, RevokedCertificate } from '../model/formation.ts';

/** The cluster's certificate authority, as a node that has its key sees it. */
export interface CertificateIssuer {
  /** The authority's certificate, PEM. */
  readonly certificate: string;
  /** Its private key, PEM, for nodes that are let in. */
  readonly key: string;
  /** SHA-256 of its certificate, base64url. */
  readonly fingerprint: string;
  /** A certificate for server and client use, for the key in the request (PKCS #10, PEM); nothing else of the request counts. Throws INVALID_INPUT. */
  issue(request: string, subject: CertificateSubject): Promise<string>;
  /** A signed list of these certificates (RFC 5280), PEM. */
  revoke(certificates: readonly RevokedCertificate[], validity: RevocationValidity): Promise<string>;
  /** Which one a certificate (PEM) is. */
  identify(certificate: string): IssuedCertificate;
}

export interface RevocationValidity {
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly signedAtMs: number;
  readonly validUntilMs: number;
}

/** The list of revoked certificates as files for the programs that read it: the store and QEMU. */
export interface RevocationFiles {
  exist(): boolean;
  /** On disk when this returns. Each is whole at any time, the old one or the new. */
  write(list: string): Promise<void>;
}

export interface CertificateSubject {
  readonly name: string;
  readonly addresses: readonly string[];
}

/** Certificate and keys of this node on its disk. */
export interface NodeIdentity {
  current(): IdentityPem;
  /** When the certificate was issued and until when it is valid, milliseconds since 1970. */
  validity(): { readonly notBeforeMs: number; readonly notAfterMs: number };
  /** Those in use: the agent's, and QEMU's if it has one. */
  certificates(): readonly IssuedCertificate[];
  /** Which one a certificate (PEM) is. */
  identify(certificate: string): IssuedCertificate;
  /** New keys, whose certificates are asked for with these requests (PEM). Kept until they are installed. */
  prepareRenewal(): Promise<{ readonly request: string; readonly qemuRequest: string | null }>;
  /** Puts the certificates for the prepared keys in place of those in use. */
  install(issued: { readonly certificate: string; readonly qemuCertificate: string | null }): Promise<void>;
}

/** PEM texts. */
export interface IdentityPem {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}
