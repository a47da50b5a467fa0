/** A node that was removed cannot send a guest's memory. (A sending QEMU reads no list; where it connects to, an agent has said over the link.) */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { identifyCertificate } from '../../src/adapters/pki/identify-certificate.ts';
import { openAuthority } from '../../src/adapters/pki/open-authority.ts';
import { revocationFiles } from '../../src/adapters/pki/revocation-files.ts';
import { directory, node, record, start, useNodes } from './qemu-fixture.ts';

useNodes();

/** Which nodes' certificates are revoked, as `name` is told. */
async function tell(name: string, ...removed: string[]): Promise<void> {
  const pki = join(directory, 'pki');
  const pem = (file: string) => readFileSync(join(pki, file), 'utf8');
  const times = { revokedAt: new Date().toISOString(), signedAtMs: Date.now(), validUntilMs: Date.now() + 3_600_000 };
  const certificates = removed.map((one) => ({
    ...{ node: one, revokedAt: times.revokedAt, ...identifyCertificate(pem(`${one}/client-cert.pem`)) },
  }));
  const list = await openAuthority(pem('ca-cert.pem'), pem('ca-key.pem')).revoke(certificates, { number: 1, ...times });
  const qemuDirectory = join(pki, name);
  await revocationFiles({ caCertificate: join(qemuDirectory, 'ca-cert.pem'), qemuDirectory }).write(list);
}

async function transfer(): Promise<'completed' | 'failed'> {
  const [source, destination] = await Promise.all([start(node('node1'), false), start(node('node2'), true)]);
  await source.resume();
  const port = await destination.listenForMigration({ listenAddress: '127.0.0.1', tlsPeer: 'node1' });
  const { status } = record(source);
  await source.startTransfer({ address: '127.0.0.1', port, tlsPeer: 'node2', downtimeLimitMs: 25 });
  const outcome = await Promise.race([
    status('completed').then(() => 'completed' as const),
    status('failed').then(() => 'failed' as const),
  ]);
  if (outcome === 'failed') {
    expect(await source.runState()).toBe('running');
    expect(destination.mayHaveRun).toBe(false);
  }
  for (const instance of [source, destination]) await instance.kill();
  return outcome;
}

test('a list that does not name the other node changes nothing', async () => {
  await tell('node1');
  await tell('node2', 'node2');
  expect(await transfer()).toBe('completed');
});

test('the destination takes nothing from a removed node', async () => {
  await tell('node1');
  await tell('node2', 'node1');
  expect(await transfer()).toBe('failed');
});
