import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

export const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

/** PKCS #8, PEM. */
export async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return `${x509.PemConverter.encode(bytes, 'PRIVATE KEY')}\n`;
}

/** A new key and the request for a certificate of it. PEM. */
export async function makeRequest(name: string): Promise<{ readonly key: string; readonly request: string }> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await makeKeys();
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [name] }, { O: ['godwit'] }],
    keys,
    signingAlgorithm: ALGORITHM,
  });
  return { key: await keyPem(keys.privateKey), request: `${request.toString('pem')}\n` };
}
