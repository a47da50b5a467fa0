import { expect, test } from 'vitest';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../test/doubles/memory-store.ts';
import type { NodeCertificates } from '../model/formation.ts';
import { keys } from '../model/keys.ts';
import type { IdentityPem } from '../ports/pki.ts';
import { renewCertificates, type RenewalPorts } from './certificate-renewal.ts';

const DAY_MS = 86_400_000;

function makePorts(issuer: RenewalPorts['issuer']) {
  const clock = new ManualClock();
  const store = new MemoryStore();
  const life = { notBeforeMs: clock.wallMs(), notAfterMs: clock.wallMs() + 90 * DAY_MS };
  const used: IdentityPem[] = [];
  let current: IdentityPem = { ca: 'CA', cert: 'OLD', key: 'OLD KEY' };
  const ports: RenewalPorts = {
    ...{ node: 'node1', addresses: ['10.77.0.11'], issuer, clock },
    identity: {
      current: () => current,
      validity: () => life,
      certificates: () => [{ serial: current.cert, expiresAt: '2099-01-01T00:00:00.000Z' }],
      identify: (serial) => ({ serial, expiresAt: '2099-01-01T00:00:00.000Z' }),
      prepareRenewal: () => Promise.resolve({ request: 'REQUEST', qemuRequest: null }),
      install: ({ certificate }) => {
        current = { ca: 'CA', cert: certificate, key: 'NEW KEY' };
        life.notBeforeMs = clock.wallMs();
        life.notAfterMs = clock.wallMs() + 90 * DAY_MS;
        return Promise.resolve();
      },
    },
    view: { current: () => ({ nodes: new Map() }) } as unknown as RenewalPorts['view'],
    peers: {} as RenewalPorts['peers'],
    events: { say: () => undefined },
    store,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    use: (identity) => used.push(identity),
  };
  return { ports, clock, used, store };
}

/** Hour by hour, as the agent lives. */
async function pass(clock: ManualClock, days: number): Promise<void> {
  for (let hour = 0; hour < days * 24; hour += 1) {
    clock.advance(3_600_000);
    for (let turn = 0; turn < 40; turn += 1) await Promise.resolve();
  }
}

const issuer: NonNullable<RenewalPorts['issuer']> = {
  ...{ certificate: 'CA', key: '', fingerprint: '' },
  revoke: () => Promise.reject(new Error('Nothing is revoked here.')),
  identify: (serial) => ({ serial, expiresAt: '2099-01-01T00:00:00.000Z' }),
  issue: (request, { name, addresses }) => Promise.resolve(`${name} ${addresses.join()}: ${request}`),
};

test('a certificate is renewed once, at two thirds of its life, and shown to others from then on', async () => {
  const { ports, clock, used } = makePorts(issuer);
  renewCertificates(ports);
  await pass(clock, 59);
  expect(used).toEqual([]);
  await pass(clock, 2);
  expect(used).toEqual([{ ca: 'CA', cert: 'node1 10.77.0.11: REQUEST', key: 'NEW KEY' }]);
});

test('where nobody issues one the old certificate stays in use, and it is tried again', async () => {
  let answers = false;
  const { ports, clock, used } = makePorts({
    ...issuer,
    issue: () => (answers ? Promise.resolve('NEW') : Promise.reject(new Error('not now'))),
  });
  renewCertificates(ports);
  await pass(clock, 65);
  expect(used).toEqual([]);
  answers = true;
  await pass(clock, 1);
  expect(used).toHaveLength(1);
});

test('a certificate is in the store ahead of its use, so that an eviction revokes it; an evicted node gets none', async () => {
  const { ports, clock, used, store } = makePorts(issuer);
  renewCertificates(ports);
  await pass(clock, 61);
  const serials = async () => {
    const record = (await store.get(keys.nodeCertificates('node1')))?.value as NodeCertificates | undefined;
    return record?.issued.map(({ serial }) => serial) ?? [];
  };
  expect(await serials()).toEqual(['OLD', 'node1 10.77.0.11: REQUEST']);
  store.put({ [keys.eviction('node1')]: { node: 'node1' } });
  await pass(clock, 61);
  expect(used).toHaveLength(1);
  expect(await serials()).toHaveLength(2);
});
