/** A cluster's certificate authority: made once, kept by its nodes. EC P-256. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import type { CertificateIssuer, CertificateSubject, RevocationValidity } from '../../ports/pki.ts';
import type { RevokedCertificate } from '../../model/formation.ts';
import { ALGORITHM, keyPem, makeKeys } from './key-pair.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const AUTHORITY_DAYS = 20 * 365;
const NODE_DAYS = 365;
/** RFC 5280, 5.2.3: lists without a number are not well formed. */
const CRL_NUMBER = '2.5.29.20';

/** A new authority. PEM. */
export async function makeAuthority(cluster: string): Promise<{ readonly certificate: string; readonly key: string }> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await makeKeys();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + AUTHORITY_DAYS * DAY_MS),
    serialNumber: serial(),
    name: [{ CN: [`godwit cluster ${cluster}`] }, { O: ['godwit'] }],
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${root.toString('pem')}\n`, key: await keyPem(keys.privateKey) };
}

/** Issues and revokes certificates with the authority's certificate and key (PEM). */
export async function openSigner(
  certificate: string,
  key: string,
): Promise<Pick<CertificateIssuer, 'issue' | 'revoke'>> {
  x509.cryptoProvider.set(webcrypto);
  const root = new x509.X509Certificate(certificate);
  const bytes = x509.PemConverter.decodeFirst(key);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', bytes, ALGORITHM, false, ['sign']);
  const rootKey = await root.publicKey.export(webcrypto);
  const issue = async (request: string, { name, addresses }: CertificateSubject): Promise<string> => {
    const publicKey = await keyOfRequest(request);
    const issued = await x509.X509CertificateGenerator.create({
      notBefore: new Date(Date.now() - HOUR_MS),
      notAfter: new Date(Date.now() + NODE_DAYS * DAY_MS),
      serialNumber: serial(),
      issuer: root.subject,
      subject: [{ CN: [name] }, { O: ['godwit'] }],
      signingAlgorithm: ALGORITHM,
      signingKey,
      publicKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        // Key encipherment means nothing to an EC key, but QEMU warns where it is missing.
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, false),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
        new x509.SubjectAlternativeNameExtension([
          ...[name, 'localhost'].map((value) => ({ type: 'dns' as const, value })),
          ...[...new Set([...addresses, '127.0.0.1'])].map((value) => ({ type: 'ip' as const, value })),
        ]),
        await x509.AuthorityKeyIdentifierExtension.create(rootKey),
      ],
    });
    return `${issued.toString('pem')}\n`;
  };
  const revoke = async (certificates: readonly RevokedCertificate[], validity: RevocationValidity): Promise<string> => {
    const list = await x509.X509CrlGenerator.create({
      // The name as it is encoded in the certificate: GnuTLS compares bytes.
      issuer: root.subjectName,
      // Believed by members whose clocks are behind, too.
      thisUpdate: new Date(validity.signedAtMs - HOUR_MS),
      nextUpdate: new Date(validity.validUntilMs),
      entries: certificates.map(({ serial: serialNumber, revokedAt }) => ({
        serialNumber,
        revocationDate: new Date(revokedAt),
        // Without one the library writes an empty list of extensions, which GnuTLS does not read.
        reason: x509.X509CrlReason.cessationOfOperation,
      })),
      extensions: [
        new x509.Extension(CRL_NUMBER, false, derInteger(validity.number)),
        await x509.AuthorityKeyIdentifierExtension.create(rootKey),
      ],
      signingAlgorithm: ALGORITHM,
      signingKey,
    });
    // The library's own text is labelled "CRL", which neither OpenSSL nor etcd reads.
    return `${x509.PemConverter.encode(list.rawData, 'X509 CRL')}\n`;
  };
  return { issue, revoke };
}

/** Of a number that is not negative, below 2^31. */
function derInteger(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(6);
  bytes.set([0x02, 0x04]);
  new DataView(bytes.buffer).setUint32(2, value);
  // As short as it can be; a first bit that is set would make it negative.
  let skipped = 0;
  while (skipped < 3 && bytes[2 + skipped] === 0 && (bytes[3 + skipped] ?? 0) < 0x80) skipped += 1;
  return new Uint8Array([0x02, 4 - skipped, ...bytes.slice(2 + skipped)]);
}

/** The request is signed with the key it is for, which proves that the sender has that key. */
async function keyOfRequest(text: string): Promise<webcrypto.CryptoKey> {
  try {
    const request = new x509.Pkcs10CertificateRequest(text);
    if (await request.verify()) return await request.publicKey.export(ALGORITHM, ['verify'], webcrypto);
  } catch (error) {
    throw malformed(error);
  }
  throw malformed(undefined);
}

function malformed(cause: unknown): GodwitError {
  return new GodwitError(
    {
      code: 'INVALID_INPUT',
      message:
        'This is no request for a certificate (PKCS #10, PEM) with an EC P-256 key that was signed with that key.',
      state: NOTHING_CHANGED,
      nextStep: 'Let `godwit cluster join` make the request.',
    },
    cause,
  );
}

/** Positive, 16 bytes. */
function serial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}
