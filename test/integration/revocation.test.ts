/** Certificates of a node that was removed: refused by the real store and by another agent's link. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EtcdServer, startEtcdServer } from '../../src/adapters/etcd/etcd-server.ts';
import { createEtcdStore } from '../../src/adapters/etcd/etcd-store.ts';
import { createPeerLink } from '../../src/adapters/peer-link/peer-link.ts';
import { makeAuthority } from '../../src/adapters/pki/certificate-authority.ts';
import { identifyCertificate } from '../../src/adapters/pki/identify-certificate.ts';
import { makeRequest } from '../../src/adapters/pki/key-pair.ts';
import { openAuthority } from '../../src/adapters/pki/open-authority.ts';
import { revocationFiles, revocationList } from '../../src/adapters/pki/revocation-files.ts';
import { killAndWait } from '../../src/adapters/processes/detached-process.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { freePort, waitFor } from './etcd-fixture.ts';
import { quickHandlers, silentLog } from './peer-link-fixture.ts';

const DAY_MS = 86_400_000;
const ADDRESS = '127.0.0.11';
const BINARY = process.env['GODWIT_ETCD'] ?? '/var/cache/godwit/etcd/usr/bin/etcd';

const directory = mkdtempSync(join(tmpdir(), 'godwit-revocation-'));
const authority = await makeAuthority('office');
const issuer = openAuthority(authority.certificate, authority.key);
const paths = { caCertificate: join(directory, 'ca.pem'), qemuDirectory: directory };
const files = revocationFiles(paths);

async function machine(name: string) {
  const { key, request } = await makeRequest(name);
  const cert = await issuer.issue(request, { name, addresses: [ADDRESS] });
  return { name, ca: authority.certificate, cert, key, serial: identifyCertificate(cert).serial };
}
type Machine = Awaited<ReturnType<typeof machine>>;

const node1 = await machine('node1');
const removed = await machine('node2');
/** As it comes back, by another join. */
const joinedAnew = await machine('node2');

const revoked = (...serials: string[]) => {
  const soon = new Date(Date.now() + DAY_MS).toISOString();
  const revokedAt = new Date().toISOString();
  return issuer.revoke(
    serials.map((serial) => ({ serial, node: 'node2', expiresAt: soon, revokedAt })),
    { number: 200, signedAtMs: Date.now(), validUntilMs: Date.now() + DAY_MS },
  );
};

let server: EtcdServer;
let clientPort: number;

beforeAll(async () => {
  clientPort = await freePort();
  const at = { certificate: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
  writeFileSync(paths.caCertificate, authority.certificate);
  writeFileSync(at.certificate, node1.cert);
  writeFileSync(at.key, node1.key);
  await files.write(await revoked());
  server = await startEtcdServer(
    {
      ...{ name: 'node1', address: ADDRESS, clientPort, peerPort: await freePort(), clusterToken: 'office' },
      ...{ members: [{ name: 'node1', address: ADDRESS }], binary: BINARY, logFile: join(directory, 'etcd.log') },
      ...{ dataDirectory: join(directory, 'data'), runtimeDirectory: join(directory, 'run') },
      pki: { caCertificate: paths.caCertificate, ...at, revocationList: revocationList(paths) },
    },
    systemClock,
    silentLog,
  );
  await waitFor('the store', () => accepted(node1));
});

afterAll(async () => {
  const identity = server.process();
  server.leave();
  if (identity !== undefined) await killAndWait(identity, 'SIGKILL', 5000);
  rmSync(directory, { recursive: true, force: true });
});

function connect(as: Machine, isRevoked?: (serial: string) => boolean) {
  const pem = { ca: Buffer.from(as.ca), cert: Buffer.from(as.cert), key: Buffer.from(as.key) };
  const endpoints = [{ name: 'node1', address: ADDRESS, port: clientPort }];
  return createEtcdStore({ endpoints, ...pem, ...(isRevoked && { isRevoked }), clock: systemClock });
}

async function accepted(as: Machine, isRevoked?: (serial: string) => boolean): Promise<boolean> {
  const store = connect(as, isRevoked);
  try {
    const outcome = await store.transact({ compare: [], write: [{ put: '/godwit/x', value: as.serial }] }, 1500);
    return outcome.kind === 'applied';
  } finally {
    store.close();
  }
}

describe('the list of revoked certificates', () => {
  test('is one that OpenSSL reads, and that the authority has signed', async () => {
    const list = await revoked(removed.serial);
    const text = execFileSync('openssl', ['crl', '-noout', '-text', '-CAfile', paths.caCertificate], {
      input: list,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    expect(text.toLowerCase().replaceAll(/\s/g, '')).toContain(`serialnumber:${removed.serial}`);
    expect(text).toMatch(/CRL Number:\s+200\s/);
    writeFileSync(join(directory, 'one.pem'), list);
    execFileSync('openssl', ['crl', '-noout', '-in', join(directory, 'one.pem'), '-CAfile', paths.caCertificate], {
      stdio: 'pipe',
    });
  });

  test('makes the store refuse a removed node from one moment to the next, and nobody else', async () => {
    expect(await accepted(removed)).toBe(true);
    await files.write(await revoked(removed.serial));
    expect(await accepted(removed)).toBe(false);
    expect(await accepted(joinedAnew)).toBe(true);
    expect(await accepted(node1)).toBe(true);
    expect(readFileSync(join(directory, 'ca-crl.pem'), 'utf8')).toContain('BEGIN X509 CRL');
  });

  test('keeps an agent away from a store member that shows a revoked certificate', async () => {
    expect(await accepted(node1, (serial) => serial.toLowerCase() === node1.serial)).toBe(false);
    expect(await accepted(node1, () => false)).toBe(true);
  });
});

describe('the link between agents', () => {
  const revokedSerials = new Set<string>();
  const isRevoked = (serial: string) => revokedSerials.has(serial.toLowerCase());
  const silent = { bootId: 'b', clock: systemClock, log: silentLog, listenAddress: '127.0.0.1' };

  test('ends the connections of a removed node, tells it why, and takes the machine that comes after it', async () => {
    const listenPort = await freePort();
    const link = createPeerLink({ ...silent, nodeName: 'node1', listenPort, tls: node1, isRevoked });
    await link.serve(quickHandlers());
    let told = 0;
    const onRevoked = () => void (told += 1);
    const old = createPeerLink({ ...silent, nodeName: 'node2', listenPort: 1, tls: removed, onRevoked });
    const anew = createPeerLink({ ...silent, nodeName: 'node2', listenPort: 1, tls: joinedAnew, onRevoked: () => {} });
    try {
      const peer = old.peer('node1', ['127.0.0.1'], listenPort);
      await peer.call('ping', {}, 5000);
      expect(told).toBe(0);
      revokedSerials.add(removed.serial);
      await waitFor('the refusal', () => told > 0);
      await expect(peer.call('ping', {}, 500)).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' });
      await anew.peer('node1', ['127.0.0.1'], listenPort).call('ping', {}, 5000);
    } finally {
      for (const one of [link, old, anew]) one.close();
    }
  });

  test('does not call a machine that shows a revoked certificate', async () => {
    revokedSerials.add(removed.serial);
    const listenPort = await freePort();
    const old = createPeerLink({ ...silent, nodeName: 'node2', listenPort, tls: removed });
    await old.serve(quickHandlers());
    const link = createPeerLink({ ...silent, nodeName: 'node1', listenPort: 1, tls: node1, isRevoked });
    try {
      const answer = link.peer('node2', ['127.0.0.1'], listenPort).call('ping', {}, 1000);
      await expect(answer).rejects.toMatchObject({ message: expect.stringContaining('was removed from the cluster') });
    } finally {
      for (const one of [link, old]) one.close();
    }
  });
});

describe('a copy of the store', () => {
  test('is whole, and only the newest three are kept', async () => {
    const home = join(directory, 'snapshots');
    const store = connect(node1);
    try {
      const snapshots = store.snapshots(home);
      const taken = [];
      for (let count = 0; count < 4; count += 1) taken.push((await snapshots.take()).path);
      expect(readdirSync(home).map((name) => join(home, name))).toEqual(taken.slice(1));
      const copy = readFileSync(taken.at(-1) ?? '');
      const digest = createHash('sha256').update(copy.subarray(0, -32)).digest();
      expect(digest.equals(copy.subarray(-32))).toBe(true);
      expect(copy.includes(node1.serial)).toBe(true);
    } finally {
      store.close();
    }
  });

  test('that cannot be made says so and leaves nothing behind', async () => {
    const store = connect(node1);
    writeFileSync(join(directory, 'file'), '');
    try {
      await expect(store.snapshots(join(directory, 'file/x')).take()).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
      });
    } finally {
      store.close();
    }
  });
});
