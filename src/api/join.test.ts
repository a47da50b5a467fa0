import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, startApiCluster } from '../../test/doubles/api-cluster.ts';
import { testFacts, testHeartbeat, testMemory } from '../../test/doubles/cluster-facts.ts';
import type { JoinTokenRecord, RevocationRecord } from '../model/formation.ts';
import { parseJoinToken } from '../model/join-token.ts';
import { keys } from '../model/keys.ts';
import type { StoreSeat, StoreSnapshots } from '../ports/store-seats.ts';

const FINGERPRINT = 'f'.repeat(43);

let cluster: ApiCluster;
let seats: StoreSeat[];
let takeSnapshot: StoreSnapshots['take'] = () => Promise.reject(new Error('ENOSPC'));
beforeEach(async () => {
  seats = [{ id: 'a1', address: testFacts('node2').addresses[0] ?? '', name: 'node2', learner: false }];
  cluster = await startApiCluster({
    issuer: {
      ...{ certificate: 'CA', key: 'CA KEY', fingerprint: FINGERPRINT },
      issue: (request, { name, addresses }) => Promise.resolve(`${name} ${addresses.join(' ')}: ${request}`),
      revoke: (certificates) => Promise.resolve(`REVOKED ${certificates.map(({ serial }) => serial).join(' ')}`),
      identify: (certificate) => ({ serial: certificate.split(': ')[1] ?? '', expiresAt: '2099-01-01T00:00:00.000Z' }),
    },
    seats: {
      list: () => Promise.resolve(seats),
      health: () => Promise.resolve([]),
      addLearner: () => Promise.reject(new Error('not now')),
      promote: () => Promise.resolve(),
      remove: (id) => {
        seats = seats.filter((seat) => seat.id !== id);
        return Promise.resolve();
      },
    },
    snapshots: { take: () => takeSnapshot() },
    storeMembers: () => [{ name: 'node1', address: '10.77.0.11' }],
  });
});
afterEach(() => {
  takeSnapshot = () => Promise.reject(new Error('ENOSPC'));
  return cluster.close();
});

async function newToken() {
  const answer = await cluster.ask('POST', '/cluster/tokens', {});
  const { token } = answer.body as { token: string };
  return parseJoinToken(token);
}

function bodyFor(token: { id: string; secret: string }, more: object = {}) {
  return {
    token: { id: token.id, secret: token.secret },
    applicant: {
      ...{ name: 'node3', role: 'node', addresses: ['10.77.0.13'], version: '0.1.0', storeFormat: 1 },
      wallMs: cluster.clock.wallMs(),
      ...more,
    },
    certificateAddresses: ['192.0.2.3'],
    request: 'REQUEST',
    qemuRequest: 'QEMU REQUEST',
  };
}

const join = (body: object) => cluster.ask('POST', '/join', body);

/** Wrong tokens are answered late; the clock stands still here. */
async function refused(body: object): Promise<unknown> {
  const answer = join(body);
  for (let turn = 0; turn < 50; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    cluster.clock.advance(50);
  }
  const { status, body: error } = await answer;
  expect(status).toBeGreaterThanOrEqual(400);
  return (error as { code: string }).code;
}

describe('POST /join', () => {
  test('gives a machine with a token what it needs, without signing in', async () => {
    const answer = await cluster.server.inject({
      ...{ method: 'POST', url: '/api/v1/join' },
      body: bodyFor(await newToken()),
    });
    expect(answer.json()).toEqual({
      clusterName: 'test',
      certificate: 'node3 10.77.0.13 192.0.2.3: REQUEST',
      qemuCertificate: 'node3 10.77.0.13 192.0.2.3: QEMU REQUEST',
      caKey: 'CA KEY',
      store: { members: [{ name: 'node1', address: '10.77.0.11' }], clientPort: 2379, peerPort: 2380 },
      administrator: { user: 'admin', passwordHash: expect.stringMatching(/^scrypt:/) as string },
      revocationList: 'REVOKED ',
    });
  });

  test('gives a witness neither the key of the authority nor the hash of the password', async () => {
    const body = { ...bodyFor(await newToken(), { name: 'witness2', role: 'witness' }), qemuRequest: null };
    expect((await join(body)).body).toMatchObject({ caKey: null, qemuCertificate: null, administrator: null });
  });

  test('lets one machine in with a token, not two', async () => {
    const token = await newToken();
    expect((await join(bodyFor(token))).status).toBe(200);
    expect(await refused(bodyFor(token, { name: 'node4', addresses: ['10.77.0.14'] }))).toBe('JOIN_TOKEN_INVALID');
  });

  test('lets only one in of two that come at the same time', async () => {
    const token = await newToken();
    const answers = await Promise.all([
      join(bodyFor(token)),
      refused(bodyFor(token, { name: 'node4', addresses: ['10.77.0.14'] })).catch(() => 'let in'),
    ]);
    const stored = cluster.store.contents() as Record<string, unknown>;
    const used = JSON.stringify(stored).match(/"usedBy":\{"node":"(node[34])"/g) ?? [];
    expect(used).toHaveLength(1);
    expect(answers.filter((one) => one === 'let in' || (one as { status?: number }).status === 200)).toHaveLength(1);
  });

  test('lets only one in of two that come at the same time with the same address', async () => {
    const [one, other] = [await newToken(), await newToken()];
    const answers = await Promise.all([join(bodyFor(one)), join(bodyFor(other, { name: 'node4' }))]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 409]));
  });

  test('answers the same machine again when the first answer was lost, until it has started', async () => {
    const token = await newToken();
    await join(bodyFor(token));
    expect((await join(bodyFor(token))).status).toBe(200);
    await cluster.put({ [keys.nodeFacts('node3')]: { ...testFacts('node3'), addresses: ['10.77.0.13'] } });
    expect(await refused(bodyFor(token))).toBe('JOIN_TOKEN_INVALID');
  });

  test('does not let another machine of the same name in with a token that was used', async () => {
    const token = await newToken();
    await join(bodyFor(token));
    expect(await refused({ ...bodyFor(token), request: 'REQUEST OF ANOTHER' })).toBe('JOIN_TOKEN_INVALID');
    expect((await join(bodyFor(token))).status).toBe(200);
  });

  test('makes no certificate for an address that a member’s certificate names', async () => {
    await join(bodyFor(await newToken()));
    const other = { name: 'node4', addresses: ['10.77.0.14'] };
    expect(await refused(bodyFor(await newToken(), other))).toBe('JOIN_ADDRESS_TAKEN');
    const [ofNode1 = ''] = testFacts('node1').addresses;
    const body = { ...bodyFor(await newToken(), other), certificateAddresses: [ofNode1] };
    expect(await refused(body)).toBe('JOIN_ADDRESS_TAKEN');
    expect((await join({ ...body, certificateAddresses: ['192.0.2.4'] })).status).toBe(200);
  });

  test('does not let a machine back in that was removed, with the token it had used', async () => {
    const token = await newToken();
    await join(bodyFor(token));
    expect((await cluster.ask('POST', '/nodes/node3/evict')).status).toBe(200);
    expect(await refused(bodyFor(token))).toBe('JOIN_TOKEN_INVALID');
    expect(await cluster.store.get(keys.eviction('node3'))).toBeDefined();
  });

  test('keeps name and addresses for a machine that has not started yet', async () => {
    await join(bodyFor(await newToken()));
    expect(await refused(bodyFor(await newToken(), { addresses: ['10.77.0.14'] }))).toBe('JOIN_NAME_TAKEN');
    expect(await refused(bodyFor(await newToken(), { name: 'node4' }))).toBe('JOIN_ADDRESS_TAKEN');
  });

  test('refuses a token that is too old, and stores no secret', async () => {
    const token = await newToken();
    const record = (await cluster.store.get(keys.joinToken(token.id)))?.value as JoinTokenRecord;
    expect(JSON.stringify(record)).not.toContain(token.secret);
    cluster.clock.advance(3_600_000);
    expect(await refused(bodyFor(token))).toBe('JOIN_TOKEN_EXPIRED');
  });

  test('refuses a wrong secret', async () => {
    const token = await newToken();
    expect(await refused(bodyFor({ id: token.id, secret: 'x'.repeat(64) }))).toBe('JOIN_TOKEN_INVALID');
  });
});

describe('POST /nodes/:name/evict', () => {
  const silent = () => cluster.clock.advance(60_000);

  test('removes the seat and everything of a node that is down, and remembers its name', async () => {
    silent();
    const answer = await cluster.ask('POST', '/nodes/node2/evict');
    expect(answer).toEqual({ status: 200, body: { name: 'node2', seatRemoved: true } });
    expect(seats).toEqual([]);
    expect(await cluster.store.list(`${keys.nodes}node2/`)).toEqual([]);
    expect(await cluster.store.get(keys.nodeMemory('node2'))).toBeUndefined();
    // That the database cannot be saved is said, and does not keep a dead member in it.
    expect(cluster.said.map(({ kind }) => kind)).toEqual(['store-not-saved', 'node-left']);
    expect((await cluster.store.get(keys.eviction('node2')))?.value).toMatchObject({ node: 'node2', by: 'admin' });
  });

  test('does not wait for a copy of the database that takes longer than the client waits', async () => {
    silent();
    const asked = Promise.withResolvers<void>();
    takeSnapshot = () => {
      asked.resolve();
      return new Promise(() => undefined);
    };
    const answer = cluster.ask('POST', '/nodes/node2/evict');
    await asked.promise;
    await cluster.clock.pass(5000, 1000);
    expect((await answer).status).toBe(200);
    expect(cluster.said[0]).toMatchObject({ kind: 'store-not-saved', reason: 'It was not done within 4 s.' });
  });

  test('revokes every certificate that was issued to the node, and a new machine of that name may join', async () => {
    await join(bodyFor(await newToken()));
    await cluster.ask('POST', '/nodes/node3/evict');
    const record = (await cluster.store.get(keys.revocations))?.value as RevocationRecord;
    expect(record.certificates.map(({ serial, node }) => `${node}: ${serial}`)).toEqual([
      'node3: REQUEST',
      'node3: QEMU REQUEST',
    ]);
    expect(record.list).toBe('REVOKED REQUEST QEMU REQUEST');
    const answer = await join({ ...bodyFor(await newToken()), request: 'NEW', qemuRequest: 'NEW QEMU' });
    expect(answer.body).toMatchObject({ revocationList: record.list });
    expect((await cluster.store.get(keys.nodeCertificates('node3')))?.value).toMatchObject({
      issued: [{ serial: 'NEW' }, { serial: 'NEW QEMU' }],
    });
    expect(await cluster.store.get(keys.eviction('node3'))).toBeUndefined();
  });

  test('refuses a node that is up, the node that answers, and one that is not there', async () => {
    expect((await cluster.refusal('POST', '/nodes/node2/evict')).code).toBe('EVICTION_REFUSED');
    silent();
    expect((await cluster.refusal('POST', '/nodes/node1/evict')).code).toBe('EVICTION_REFUSED');
    expect((await cluster.refusal('POST', '/nodes/node7/evict')).code).toBe('NODE_NOT_FOUND');
    expect(seats).toHaveLength(1);
  });

  test.each([true, false])('refuses a node that may live, while its own view is old (noticed: %s)', async (noticed) => {
    silent();
    cluster.store.stallWatches({ noticed });
    if (!noticed) await cluster.put({ [keys.nodeHeartbeat('node2')]: testHeartbeat(2) });
    expect((await cluster.refusal('POST', '/nodes/node2/evict')).code).toBe('EVICTION_REFUSED');
    expect(seats).toHaveLength(1);
  });

  test('refuses a node that owns VMs, or holds memory for one', async () => {
    silent();
    await cluster.put({ [keys.vmOwner('Web')]: { node: 'node2' } });
    expect((await cluster.refusal('POST', '/nodes/node2/evict')).message).toContain('Web');
    await cluster.put({ [keys.vmOwner('Web')]: { node: 'node1' } });
    await cluster.put({ [keys.nodeMemory('node2')]: { ...testMemory(), allocations: { Db: 1 } } });
    expect((await cluster.refusal('POST', '/nodes/node2/evict')).message).toContain('Db');
  });
});
