import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { createServer, type Server, connect as tcpConnect, type Socket } from 'node:net';
import * as x509 from '@peculiar/x509';
import type { Log } from '../../src/ports/log.ts';
import type { PeerHandlers } from '../../src/ports/peers.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export interface TestTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface TestAuthority {
  issue(subject: string): Promise<TestTls>;
}

/** A CA that lives for the test. */
export async function createTestAuthority(): Promise<TestAuthority> {
  const notAfter = new Date(Date.now() + 86_400_000);
  const notBefore = new Date(Date.now() - 86_400_000);
  const caKeys = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Test CA, O=godwit',
    notBefore,
    notAfter,
    signingAlgorithm: ALGORITHM,
    keys: caKeys,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  return {
    async issue(subject) {
      const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
      const certificate = await x509.X509CertificateGenerator.create({
        subject,
        issuer: ca.subject,
        notBefore,
        notAfter,
        signingAlgorithm: ALGORITHM,
        publicKey: keys.publicKey,
        signingKey: caKeys.privateKey,
      });
      const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
      return {
        ca: ca.toString('pem'),
        cert: certificate.toString('pem'),
        key: x509.PemConverter.encode(key, 'PRIVATE KEY'),
      };
    },
  };
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Handlers that answer at once; the test replaces those it looks at. */
export function quickHandlers(replaced: Partial<PeerHandlers> = {}): PeerHandlers {
  return {
    ping: async () => ({ bootId: 'boot-b' }),
    clock: async () => ({ wallMs: Date.now() }),
    promise: async () => ({ granted: true, reason: '' }),
    'renew-certificate': async () => ({ certificate: '', qemuCertificate: null }),
    'prepare-destination': async () => ({
      ...{ addresses: ['127.0.0.1'], port: 1, frames: null, framesReason: null, observer: null, observerReason: null },
    }),
    'guest-stopped': async () => ({}),
    'watch-guest': async () => ({}),
    'open-probe-port': async () => ({ address: '127.0.0.1', port: 1 }),
    'close-probe-port': async () => ({}),
    'traffic-report': async () => ({ counts: null, probe: null }),
    'destination-status': async () => ({ copy: 'absent', mayHaveRun: false, hasGo: false }),
    'discard-destination': async () => ({ copy: 'absent', mayHaveRun: false, hasGo: false }),
    go: async () => ({ receivedAtMs: 1, resumedAtMs: 2 }),
    ...replaced,
  };
}

/** Passes bytes on to another address until told to swallow them. */
export interface Relay {
  /** From now on nothing passes, in either direction, and nobody is told: as when a cable is pulled. */
  swallow(): void;
  /** Ends every connection. */
  breakConnections(): void;
  readonly connections: number;
  close(): Promise<void>;
}

export async function startRelay(address: string, port: number, behind: string): Promise<Relay> {
  const sockets = new Set<Socket>();
  let swallowing = false;
  const server = createServer((near) => {
    const far = tcpConnect({ host: behind, port });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (bytes) => {
        if (!swallowing) to.write(bytes);
      });
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await listen(server, address, port);
  return {
    swallow() {
      swallowing = true;
    },
    breakConnections() {
      for (const socket of sockets) socket.destroy();
    },
    get connections() {
      return sockets.size / 2;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Accepts connections and never says a word. */
export async function startBlackHole(address: string, port: number): Promise<{ close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await listen(server, address, port);
  return {
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A port that is free on all of 127.0.0.0/8 right now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await listen(server, '0.0.0.0', 0);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, resolve);
  });
}
