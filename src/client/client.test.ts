import { describe, expect, test } from 'vitest';
import { getHealth } from '../contract/cluster.ts';
import { migrateVm } from '../contract/migrations.ts';
import { deleteVm, getVm } from '../contract/vms.ts';
import { createClient } from './client.ts';
import { createNodeTransport } from './node-transport.ts';
import type { Transport, TransportAnswer, TransportRequest } from './transport.ts';

/** Answers every request with the same, and remembers the requests. */
function fixedTransport(answer: TransportAnswer): Transport & { readonly requests: TransportRequest[] } {
  const requests: TransportRequest[] = [];
  return {
    requests,
    request: (request) => {
      requests.push(request);
      return Promise.resolve(answer);
    },
    openLive: (_path, listener) => {
      listener.onMessage('{"type":"freshness","fresh":true}');
      listener.onClose('over');
      return { close() {} };
    },
  };
}

describe('createClient', () => {
  test('sends what the route says', async () => {
    const transport = fixedTransport({ status: 202, body: { dryRun: false } });
    await createClient(transport).call(migrateVm, { params: { name: 'WebServer' }, body: { to: 'node2' } });
    expect(transport.requests).toEqual([
      { method: 'POST', path: '/api/v1/vms/WebServer/migrate', body: { to: 'node2' } },
    ]);
  });

  test('puts the query into the path', async () => {
    const transport = fixedTransport({ status: 200, body: {} });
    await createClient(transport).call(deleteVm, { params: { name: 'WebServer' }, query: { deleteDisks: true } });
    expect(transport.requests[0]?.path).toBe('/api/v1/vms/WebServer?deleteDisks=true');
  });

  test('takes every status that the route names as an answer', async () => {
    const body = { ready: false, node: 'node1', version: '1', storeFresh: false };
    expect(await createClient(fixedTransport({ status: 503, body })).call(getHealth)).toEqual(body);
  });

  test("throws the cluster's error as it is, with the request's id among its details", async () => {
    const body = {
      code: 'VM_NOT_FOUND',
      message: 'There is none.',
      state: 'Nothing.',
      nextStep: 'Look.',
      requestId: 'r1',
    };
    const call = createClient(fixedTransport({ status: 404, body })).call(getVm, { params: { name: 'x' } });
    await expect(call).rejects.toMatchObject({ code: 'VM_NOT_FOUND', nextStep: 'Look.', details: { requestId: 'r1' } });
  });

  test.each([[undefined], ['<html>'], [{ error: 'Bad gateway' }]])(
    'throws CLUSTER_UNREACHABLE when %j answers',
    async (body) => {
      const call = createClient(fixedTransport({ status: 502, body })).call(getHealth);
      await expect(call).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' });
    },
  );

  test('hands on live messages, parsed', () => {
    const heard: unknown[] = [];
    createClient(fixedTransport({ status: 200, body: null })).live({
      onMessage: (message) => heard.push(message),
      onClose: (reason) => heard.push(reason),
    });
    expect(heard).toEqual([{ type: 'freshness', fresh: true }, 'over']);
  });
});

describe('createNodeTransport', () => {
  const options = { url: 'https://127.0.0.1:1', user: 'admin', password: 'x', ca: null };

  test('throws CLUSTER_UNREACHABLE when nobody listens', async () => {
    const transport = createNodeTransport(options);
    const request = transport.request({ method: 'POST', path: '/api/v1/vms', body: {} });
    await expect(request).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      state: 'Nothing was changed by this request.',
    });
    transport.close();
  });

  test('closes the live channel when nobody listens', async () => {
    const reason = await new Promise((resolve) => {
      createNodeTransport(options).openLive('/api/v1/live', { onMessage: () => {}, onClose: resolve });
    });
    expect(reason).toContain('ECONNREFUSED');
  });

  test.each(['10.78.0.11', 'http://10.78.0.11:8440', ''])('refuses "%s" as a URL', (url) => {
    expect(() => createNodeTransport({ ...options, url })).toThrow('is not the URL of a cluster');
  });
});
