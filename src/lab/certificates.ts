/** The lab's certificate authority and the certificates of its machines. EC P-256, good for ten years. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

export interface KeyAndCertificate {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateAuthority {
  readonly certificate: string;
  /** A certificate for server and client use. Subject: CN = name, O = godwit. */
  issue(subject: { name: string; addresses: readonly string[] }): Promise<KeyAndCertificate>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

/** The authority's own key is not kept: after the lab is made nothing more is issued. */
export async function makeCertificateAuthority(lab: string): Promise<CertificateAuthority> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await makeKeys();
  const validity = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 3650 * DAY_MS) };
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: serial(),
    name: `CN=godwit lab ${lab},O=godwit`,
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const issue: CertificateAuthority['issue'] = async ({ name, addresses }) => {
    const ownKeys = await makeKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      ...validity,
      serialNumber: serial(),
      issuer: root.subject,
      subject: `CN=${name},O=godwit`,
      signingAlgorithm: ALGORITHM,
      signingKey: keys.privateKey,
      publicKey: ownKeys.publicKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        // Key encipherment means nothing to an EC key, but QEMU warns where it is missing.
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, false),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
        new x509.SubjectAlternativeNameExtension([
          ...[name, 'localhost'].map((value) => ({ type: 'dns' as const, value })),
          ...addresses.map((value) => ({ type: 'ip' as const, value })),
        ]),
        await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return { certificate: `${certificate.toString('pem')}\n`, key: await keyPem(ownKeys.privateKey) };
  };
  return { certificate: `${root.toString('pem')}\n`, issue };
}

async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return x509.PemConverter.encode(bytes, 'PRIVATE KEY') + '\n';
}

/** Positive, 16 bytes. */
function serial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}
