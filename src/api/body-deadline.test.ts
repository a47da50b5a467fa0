import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { limitBodyTime } from './body-deadline.ts';

let app: FastifyInstance;
let clock: ManualClock;
let arrived: Promise<unknown>;
beforeEach(async () => {
  [app, clock] = [Fastify({ forceCloseConnections: true }), new ManualClock()];
  limitBodyTime(app, clock, 15_000);
  const { promise, resolve } = Promise.withResolvers<void>();
  arrived = promise;
  app.addHook('onRequest', async () => resolve());
  app.post('/short', () => 'done');
  app.post('/long', { config: { longBody: true } }, () => 'done');
  await app.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(() => app.close());

/** A request of which half is missing. */
function halfRequest(path: string): Socket {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nhalf.`);
  return socket;
}

test('a request that does not come to its end loses its connection', async () => {
  const socket = halfRequest('/short');
  await arrived;
  const closed = once(socket, 'close');
  clock.advance(15_001);
  await closed;
});

test('a long one goes on, and is answered when all of it is there', async () => {
  const socket = halfRequest('/long');
  await arrived;
  clock.advance(600_000);
  const answered = once(socket, 'data');
  socket.write('half.');
  expect(String((await answered)[0])).toContain('200 OK');
  socket.destroy();
});
