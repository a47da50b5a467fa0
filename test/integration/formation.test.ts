import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type EtcdServer, startEtcdServer } from '../../src/adapters/etcd/etcd-server.ts';
import { createEtcdStore, type EtcdStore } from '../../src/adapters/etcd/etcd-store.ts';
import { makeAuthority } from '../../src/adapters/pki/certificate-authority.ts';
import { makeRequest } from '../../src/adapters/pki/key-pair.ts';
import { openAuthority } from '../../src/adapters/pki/open-authority.ts';
import { killAndWait } from '../../src/adapters/processes/detached-process.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { findPinnedAuthority } from '../../src/client/node-pinned-authority.ts';
import { createCluster } from '../../src/formation/create-cluster.ts';
import { joinCluster } from '../../src/formation/join-cluster.ts';
import type { AgentConfig } from '../../src/model/agent-config.ts';
import { parseJoinToken } from '../../src/model/join-token.ts';
import type { Log } from '../../src/ports/log.ts';
import { freePort, waitFor } from './etcd-fixture.ts';

const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
const BINARY = process.env['GODWIT_ETCD'] ?? '/var/cache/godwit/etcd/usr/bin/etcd';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'godwit-formation-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function optionsFile(name: string): string {
  const file = join(directory, `${name}.json`);
  const own = (part: string) => join(directory, name, part);
  const places = { stateDirectory: own('state'), runtimeDirectory: own('run'), logDirectory: own('log') };
  writeFileSync(file, JSON.stringify({ ...places, store: { etcdBinary: BINARY }, qemu: { user: null }, guard: null }));
  return file;
}

function create(name = 'node1') {
  return createCluster({
    ...{ clusterName: 'office', node: name, addresses: ['127.0.0.11'], tokens: 2, tokenValidSeconds: 3600 },
    ...{ configDirectory: join(directory, name), optionsFile: optionsFile(name) },
    administrator: { user: 'admin', password: 'correct horse' },
  });
}

describe('cluster create', () => {
  test('writes all that an agent needs, secrets for its eyes only, and tokens that carry the fingerprint', async () => {
    const { config, configFile, tokens, caCertificate } = await create();
    expect(JSON.parse(readFileSync(configFile, 'utf8'))).toEqual(config);
    expect(config.store.members).toEqual([{ name: 'node1', address: '127.0.0.11' }]);
    const certificate = new X509Certificate(readFileSync(config.pki.certificate));
    expect(certificate.checkIP('127.0.0.11')).toBe('127.0.0.11');
    expect(certificate.verify(new X509Certificate(caCertificate).publicKey)).toBe(true);
    for (const secret of [config.pki.key, config.pki.caKey ?? '', configFile]) {
      expect(statSync(secret).mode & 0o077).toBe(0);
    }
    const fingerprint = openAuthority(caCertificate, '').fingerprint;
    expect(tokens.map((token) => parseJoinToken(token).caFingerprint)).toEqual([fingerprint, fingerprint]);
    expect(readFileSync(join(config.stateDirectory, 'first-tokens.json'), 'utf8')).not.toContain(
      parseJoinToken(tokens[0] ?? '').secret,
    );
  });

  test('refuses a machine that belongs to a cluster, and one whose configuration is gone but not its state', async () => {
    const { configFile } = await create();
    await expect(create()).rejects.toMatchObject({ code: 'JOIN_ALREADY_MEMBER' });
    rmSync(configFile);
    await expect(create()).rejects.toMatchObject({ code: 'JOIN_ALREADY_MEMBER' });
  });
});

describe('cluster join', () => {
  let server: Server;
  let created: Awaited<ReturnType<typeof create>>;
  let asked: { status: number; body: object };
  let heard: string[];

  beforeEach(async () => {
    created = await create();
    heard = [];
    const { pki } = created.config;
    const ca = readFileSync(pki.caCertificate, 'utf8');
    const cert = readFileSync(pki.certificate, 'utf8') + ca;
    server = createServer({ cert, key: readFileSync(pki.key) }, (request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        heard.push(text);
        response.writeHead(asked.status, { 'content-type': 'application/json' }).end(JSON.stringify(asked.body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    asked = {
      status: 403,
      body: { code: 'JOIN_TOKEN_EXPIRED', message: 'm', state: 's', nextStep: 'n', requestId: 'r' },
    };
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  const url = () => `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tryJoin = (token: string, role: 'node' | 'witness' = 'node') =>
    joinCluster({
      ...{ url: url(), token, role, node: 'node2', addresses: ['127.0.0.12'], version: '0.1.0', waitMs: 0 },
      ...{ configDirectory: join(directory, 'node2'), optionsFile: optionsFile('node2') },
    });

  test('knows the cluster by the fingerprint in the token, and says nothing to another', async () => {
    const [, , , fingerprint = ''] = (created.tokens[0] ?? '').split('.');
    expect(await findPinnedAuthority(url(), fingerprint)).toBe(created.caCertificate.trim().concat('\n'));
    const other = await makeAuthority('office');
    const wrong = (created.tokens[0] ?? '').replace(
      fingerprint,
      openAuthority(other.certificate, other.key).fingerprint,
    );
    await expect(tryJoin(wrong)).rejects.toMatchObject({ code: 'JOIN_CA_UNKNOWN' });
    expect(heard).toEqual([]);
  });

  test('passes a refusal on and leaves the machine as it was', async () => {
    await expect(tryJoin(created.tokens[0] ?? '')).rejects.toMatchObject({ code: 'JOIN_TOKEN_EXPIRED' });
    expect(existsSync(join(directory, 'node2'))).toBe(false);
  });

  test('asks with the same keys again when nobody knows whether it was let in, and only then', async () => {
    const [token = '', otherToken = ''] = created.tokens;
    asked = {
      status: 503,
      body: { code: 'STORE_UNAVAILABLE', message: 'm', state: 's', nextStep: 'n', requestId: 'r' },
    };
    await expect(tryJoin(token)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(statSync(join(directory, 'node2', 'joining.json')).mode & 0o077).toBe(0);
    await expect(tryJoin(token)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(tryJoin(otherToken)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    const requests = heard.map((text) => (JSON.parse(text) as { request: string }).request);
    expect(requests[1]).toBe(requests[0]);
    expect(requests[2]).not.toBe(requests[0]);
  });

  test('writes a configuration with what the cluster said; the witness gets no secret of the cluster', async () => {
    const { request } = await makeRequest('node2');
    const key = readFileSync(created.config.pki.caKey ?? '', 'utf8');
    const certificate = await openAuthority(created.caCertificate, key).issue(request, {
      name: 'node2',
      addresses: [],
    });
    const revocationList = readFileSync(join(directory, 'node1/pki/revoked.pem'), 'utf8');
    const store = { members: [{ name: 'node1', address: '127.0.0.11' }], clientPort: 2379, peerPort: 2380 };
    asked = {
      status: 200,
      body: {
        clusterName: 'office',
        certificate,
        qemuCertificate: null,
        caKey: null,
        store,
        administrator: null,
        revocationList,
      },
    };
    const { config, configFile } = await tryJoin(created.tokens[0] ?? '', 'witness');
    expect(JSON.parse(readFileSync(configFile, 'utf8'))).toEqual(config);
    expect(config).toMatchObject({ clusterName: 'office', node: 'node2', role: 'witness' });
    expect(config.administrator.passwordHash).not.toBe(created.config.administrator.passwordHash);
    expect(readFileSync(join(directory, 'node2/pki/revoked.pem'), 'utf8')).toBe(revocationList);
    expect(existsSync(join(directory, 'node2/joining.json'))).toBe(false);
    expect(config.store.members).toEqual(store.members);
    expect(config.pki.caKey).toBeUndefined();
    expect(heard[0]).not.toContain('PRIVATE KEY');
  });
});

describe('the seats of the store', () => {
  let home: string;
  let ports: { clientPort: number; peerPort: number };
  let store: EtcdStore;
  let config: AgentConfig;
  const servers = new Map<string, EtcdServer>();
  const address = (name: string) => `127.0.0.${10 + Number(name.at(-1))}`;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'godwit-seats-'));
    directory = home;
    ports = { clientPort: await freePort(), peerPort: await freePort() };
    config = (await create()).config;
    await start('node1', { members: ['node1'], state: 'new' });
    const pem = (path: string) => readFileSync(path);
    const { caCertificate, certificate, key } = await pki('node1');
    store = createEtcdStore({
      endpoints: [{ name: 'node1', address: address('node1'), port: ports.clientPort }],
      ...{ ca: pem(caCertificate), cert: pem(certificate), key: pem(key), clock: systemClock },
    });
    await waitFor('the first member', async () => (await store.members()).every(({ healthy }) => healthy));
  });

  afterAll(async () => {
    store.close();
    for (const server of servers.values()) {
      const identity = server.process();
      server.leave();
      if (identity !== undefined) await killAndWait(identity, 'SIGKILL', 5000);
    }
    rmSync(home, { recursive: true, force: true });
  });

  /** Connections to 127.0.0.x leave from 127.0.0.1, and etcd compares a peer's address with its certificate. */
  async function pki(name: string) {
    const at = (file: string) => join(home, `${name}-${file}`);
    const paths = { caCertificate: at('ca'), certificate: at('cert'), key: at('key') };
    if (existsSync(paths.key)) return paths;
    const ca = readFileSync(config.pki.caCertificate, 'utf8');
    const issuer = openAuthority(ca, readFileSync(config.pki.caKey ?? '', 'utf8'));
    const { key, request } = await makeRequest(name);
    writeFileSync(paths.certificate, await issuer.issue(request, { name, addresses: [address(name)] }));
    writeFileSync(paths.key, key);
    writeFileSync(paths.caCertificate, ca);
    return paths;
  }

  async function start(name: string, { members, state }: { members: readonly string[]; state: 'new' | 'existing' }) {
    const options = {
      ...{ name, address: address(name), state, ...ports, binary: BINARY, clusterToken: 'office' },
      members: members.map((member) => ({ name: member, address: address(member) })),
      ...{ dataDirectory: join(home, `${name}-data`), runtimeDirectory: join(home, `${name}-run`) },
      ...{ logFile: join(home, `${name}.log`), pki: await pki(name) },
    };
    servers.set(name, await startEtcdServer(options, systemClock, silentLog));
  }

  const names = new Map(['node1', 'node2', 'node3'].map((name) => [address(name), name]));
  const use = (...members: string[]) =>
    store.useMembers(members.map((name) => ({ name, address: address(name), port: ports.clientPort })));

  async function giveSeat(name: string, members: readonly string[]): Promise<void> {
    let id = '';
    // The store adds a member only when it has been connected to the others for five seconds.
    await waitFor('the learner', () =>
      store.seats.addLearner(address(name)).then(
        (seat) => Boolean((id = seat.id)),
        () => false,
      ),
    );
    const before = await store.seats.list();
    expect(before.find((seat) => seat.id === id)).toMatchObject({ name: null, learner: true });
    await expect(store.seats.promote(id)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await start(name, { members, state: 'existing' });
    await waitFor('its catching up', async () => {
      const list = await store.seats.list();
      const health = await store.seats.health(list, names);
      const own = health.find((one) => one.id === id);
      const leader = health.find((one) => one.leader);
      return own?.healthy === true && (own.appliedIndex ?? 0) >= (leader?.appliedIndex ?? Infinity) - 5;
    });
    await store.seats.promote(id);
  }

  test('grow from one to three, move, and what was written stays; the store is followed without a new connection', async () => {
    await store.transact({ compare: [], write: [{ put: '/godwit/x', value: 'kept' }] });
    await giveSeat('node2', ['node1', 'node2']);
    use('node1', 'node2');
    await giveSeat('node3', ['node1', 'node2', 'node3']);
    use('node1', 'node2', 'node3');
    expect((await store.seats.list()).map(({ name, learner }) => `${name} ${learner}`).sort()).toEqual([
      'node1 false',
      'node2 false',
      'node3 false',
    ]);
    const first = servers.get('node1');
    const identity = first?.process();
    first?.leave();
    if (identity !== undefined) await killAndWait(identity, 'SIGKILL', 5000);
    await waitFor('another leader', async () => (await store.members()).some(({ leader }) => leader));
    const dead = (await store.seats.list()).find(({ name }) => name === 'node1');
    await store.seats.remove(dead?.id ?? '');
    use('node2', 'node3');
    expect((await store.get('/godwit/x'))?.value).toBe('kept');
    expect((await store.members()).map(({ name, healthy }) => `${name} ${healthy}`)).toEqual([
      'node2 true',
      'node3 true',
    ]);
  });
});
