import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { makeCertificateAuthority } from './certificates.ts';

describe('makeCertificateAuthority', () => {
  test('issues certificates that name the machine and all its addresses', async () => {
    const authority = await makeCertificateAuthority('blue');
    const issued = await authority.issue({ name: 'node1', addresses: ['10.77.0.11', '127.77.3.1'] });
    const certificate = new X509Certificate(issued.certificate);
    expect(certificate.subject.split('\n').sort()).toEqual(['CN=node1', 'O=godwit']);
    expect(certificate.checkIssued(new X509Certificate(authority.certificate))).toBe(true);
    for (const address of ['10.77.0.11', '127.77.3.1']) expect(certificate.checkIP(address)).toBe(address);
    for (const name of ['node1', 'localhost']) expect(certificate.checkHost(name)).toBe(name);
    expect(issued.key).toContain('BEGIN PRIVATE KEY');
  });
});
