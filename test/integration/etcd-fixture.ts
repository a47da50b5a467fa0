import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { EtcdServerOptions } from '../../src/adapters/etcd/etcd-command.ts';
import { type EtcdServer, startEtcdServer } from '../../src/adapters/etcd/etcd-server.ts';
import { createEtcdStore } from '../../src/adapters/etcd/etcd-store.ts';
import { killAndWait, type ProcessIdentity } from '../../src/adapters/processes/detached-process.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import type { Log } from '../../src/ports/log.ts';
import type { ClusterStore } from '../../src/ports/store.ts';
import type { StoreHistory } from '../../src/ports/store-history.ts';

const run = promisify(execFile);
const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

export interface TestMember {
  readonly name: string;
  readonly options: EtcdServerOptions;
  server: EtcdServer;
}

/** Three real members on 127.0.0.11 to 13, ports of their own. */
export interface TestCluster {
  readonly members: readonly TestMember[];
  store(localFirst?: string, history?: StoreHistory): ClusterStore;
  process(name: string): ProcessIdentity;
  leader(): Promise<string>;
  signal(name: string, signal: NodeJS.Signals): void;
  /** Starts every member that does not run, wakes every one that is stopped, and waits until all are healthy. */
  mend(): Promise<void>;
  remove(): Promise<void>;
}

export async function startTestCluster(): Promise<TestCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'godwit-etcd-'));
  const names = ['node1', 'node2', 'witness'];
  const addresses = names.map((name, index) => ({ name, address: `127.0.0.${11 + index}` }));
  const [clientPort, peerPort] = await Promise.all([freePort(), freePort()]);
  await makeCertificates(directory, addresses);
  const members = await Promise.all(
    addresses.map(async ({ name, address }): Promise<TestMember> => {
      const own = join(directory, name);
      mkdirSync(own);
      const options: EtcdServerOptions = {
        name,
        address,
        members: addresses,
        clientPort,
        peerPort,
        dataDirectory: join(own, 'data'),
        logFile: join(own, 'etcd.log'),
        runtimeDirectory: join(own, 'run'),
        binary: process.env['GODWIT_ETCD'] ?? '/var/cache/godwit/etcd/usr/bin/etcd',
        pki: {
          caCertificate: join(directory, 'ca.pem'),
          certificate: join(directory, `${name}.pem`),
          key: join(directory, `${name}.key`),
        },
        clusterToken: directory,
      };
      return { name, options, server: await startEtcdServer(options, systemClock, silentLog) };
    }),
  );
  const stores: ClusterStore[] = [];
  const store = (localFirst = 'node1', history?: StoreHistory) => {
    const created = createEtcdStore({
      endpoints: addresses.map((one) => ({ ...one, port: clientPort })),
      localFirst,
      ca: readFileSync(join(directory, 'ca.pem')),
      cert: readFileSync(join(directory, `${localFirst}.pem`)),
      key: readFileSync(join(directory, `${localFirst}.key`)),
      ...(history && { history }),
      clock: systemClock,
    });
    stores.push(created);
    return created;
  };
  const control = store();
  const processOf = (name: string) => {
    const identity = members.find((member) => member.name === name)?.server.process();
    if (identity === undefined) throw new Error(`${name} does not run`);
    return identity;
  };
  const healthy = () => control.members().then((all) => all.every((member) => member.healthy));
  await waitFor('three healthy members', healthy, 60_000);
  return {
    members,
    store,
    process: processOf,
    leader: async () => (await control.members()).find((member) => member.leader)?.name ?? 'none',
    signal: (name, signal) => process.kill(processOf(name).pid, signal),
    async mend() {
      for (const { server } of members) {
        const identity = server.process();
        if (identity !== undefined) process.kill(identity.pid, 'SIGCONT');
      }
      await waitFor('three healthy members', healthy, 60_000);
    },
    async remove() {
      for (const one of stores) one.close();
      for (const { server } of members) {
        const identity = server.process();
        server.leave();
        if (identity !== undefined) await killAndWait(identity, 'SIGKILL', 5000);
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export async function waitFor(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 20_000) {
  const giveUpAtMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > giveUpAtMs) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`);
    await systemClock.sleep(50);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

async function makeCertificates(directory: string, members: readonly { name: string; address: string }[]) {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: directory });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const ca = ['req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test-ca'];
  await openssl(...ca);
  for (const { name, address } of members) {
    // Connections to 127.0.0.x leave from 127.0.0.1, and etcd compares a peer's address with its certificate.
    const names = `DNS:${name},DNS:localhost,IP:${address},IP:127.0.0.1`;
    const usage = 'extendedKeyUsage=serverAuth,clientAuth';
    writeFileSync(join(directory, `${name}.ext`), `subjectAltName=${names}\n${usage}\n`);
    await openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/O=godwit/CN=${name}`);
    const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
    await openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-extfile', `${name}.ext`, '-out', `${name}.pem`);
  }
}
