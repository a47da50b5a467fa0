import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ApiCluster, PASSWORD, startApiCluster } from '../../test/doubles/api-cluster.ts';

let cluster: ApiCluster;

beforeEach(async () => {
  cluster = await startApiCluster();
});

afterEach(() => cluster.close());

const SIGNED_IN = { authorization: `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}` };

/** What the desk is asked for: the double says it as the reason with which it closes. */
async function asked(path: string): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  await cluster.server.injectWS(
    `/api/v1${path}`,
    { headers: SIGNED_IN },
    { onInit: (socket) => socket.on('close', (_code, reason) => resolve(JSON.parse(reason.toString()))) },
  );
  return await promise;
}

test('a console is asked for by kind, VM and how much of the past is wanted', async () => {
  expect(await asked('/vms/WebServer/console/vnc')).toEqual({ kind: 'vnc', vm: 'WebServer', backlogBytes: 65_536 });
  expect(await asked('/vms/WebServer/console/serial?backlogBytes=0')).toEqual({
    ...{ kind: 'serial', vm: 'WebServer', backlogBytes: 0 },
  });
});

test('only those who have signed in get a console', async () => {
  const path = '/api/v1/vms/WebServer/console/vnc';
  await expect(cluster.server.injectWS(path)).rejects.toThrow('401');
  const headers = SIGNED_IN;
  await expect(cluster.server.injectWS(`${path}?backlogBytes=70000`, { headers })).rejects.toThrow('400');
});
