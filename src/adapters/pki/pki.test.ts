import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeAuthority } from './certificate-authority.ts';
import { openIdentity, writeIdentity } from './identity-files.ts';
import { makeRequest } from './key-pair.ts';
import { openAuthority } from './open-authority.ts';

const authority = await makeAuthority('office');
const issuer = openAuthority(authority.certificate, authority.key);
const SUBJECT = { name: 'node1', addresses: ['10.77.0.11', '127.77.3.1'] };

describe('the authority', () => {
  test('issues certificates that name the node and all its addresses, for the key in the request', async () => {
    const { key, request } = await makeRequest('somebody-else');
    const certificate = new X509Certificate(await issuer.issue(request, SUBJECT));
    expect(certificate.subject.split('\n').sort()).toEqual(['CN=node1', 'O=godwit']);
    expect(certificate.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
    for (const address of SUBJECT.addresses) expect(certificate.checkIP(address)).toBe(address);
    for (const name of ['node1', 'localhost']) expect(certificate.checkHost(name)).toBe(name);
    expect(certificate.checkHost('somebody-else')).toBeUndefined();
    expect(key).toContain('BEGIN PRIVATE KEY');
  });

  test('is known by the fingerprint of its certificate', async () => {
    const other = await makeAuthority('office');
    expect(openAuthority(other.certificate, other.key).fingerprint).not.toBe(issuer.fingerprint);
  });

  test('refuses a request that was not signed with its own key', async () => {
    const [one, other] = [await makeRequest('node1'), await makeRequest('node1')];
    const bytes = (pem: string) => Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    const [a, b] = [bytes(one.request), bytes(other.request)];
    // The other's key between this one's name and signature: both requests are laid out alike.
    const at = a.indexOf(Buffer.from('03420004', 'hex'));
    b.copy(a, at, b.indexOf(Buffer.from('03420004', 'hex')), b.indexOf(Buffer.from('03420004', 'hex')) + 68);
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${a.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    await expect(issuer.issue(forged, SUBJECT)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(issuer.issue('nonsense', SUBJECT)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('the files of a node', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'godwit-pki-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  async function make() {
    const at = (name: string) => join(directory, name);
    const paths = {
      caCertificate: at('ca.pem'),
      certificate: at('cert.pem'),
      key: at('key.pem'),
      qemuDirectory: at('qemu'),
    };
    const issue = async () => {
      const { key, request } = await makeRequest('node1');
      return { key, certificate: await issuer.issue(request, SUBJECT) };
    };
    await writeIdentity(paths, { ca: authority.certificate, ...(await issue()), qemu: await issue() }, null);
    return paths;
  }

  test('keep the keys from others', async () => {
    const paths = await make();
    expect(statSync(paths.key).mode & 0o777).toBe(0o600);
    expect(statSync(join(paths.qemuDirectory, 'server-key.pem')).mode & 0o777).toBe(0o600);
  });

  test('have a new key and certificate after a renewal, QEMU’s too', async () => {
    const paths = await make();
    const identity = openIdentity(paths, 'node1', null);
    const before = { ...identity.current(), qemu: readFileSync(join(paths.qemuDirectory, 'client-key.pem'), 'utf8') };
    const { request, qemuRequest } = await identity.prepareRenewal();
    const certificate = await issuer.issue(request, SUBJECT);
    const qemuCertificate = await issuer.issue(qemuRequest ?? '', SUBJECT);
    await identity.install({ certificate, qemuCertificate });
    expect(identity.current()).toEqual({
      ca: authority.certificate,
      cert: certificate,
      key: readFileSync(paths.key, 'utf8'),
    });
    expect(identity.current().key).not.toBe(before.key);
    expect(readFileSync(join(paths.qemuDirectory, 'client-key.pem'), 'utf8')).not.toBe(before.qemu);
    expect(identity.validity().notAfterMs - Date.now()).toBeGreaterThan(364 * 86_400_000);
  });

  test('are put right after a crash between the key and its certificate', async () => {
    const paths = await make();
    const identity = openIdentity(paths, 'node1', null);
    const { request } = await identity.prepareRenewal();
    const certificate = await issuer.issue(request, SUBJECT);
    const old = readFileSync(paths.certificate, 'utf8');
    await identity.install({ certificate, qemuCertificate: null });
    writeFileSync(`${paths.certificate}.new`, certificate);
    writeFileSync(paths.certificate, old);
    expect(openIdentity(paths, 'node1', null).current().cert).toBe(certificate);
  });
});
