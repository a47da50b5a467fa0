import { afterEach, describe, expect, test, vi } from 'vitest';
import { getVm } from '../contract/vms.ts';
import { createBrowserTransport } from './browser-transport.ts';
import { createClient } from './client.ts';

const OWN = { origin: 'https://node1:8440', proof: { kind: 'cookie', csrf: () => 'token' } } as const;
const OTHER = { origin: 'https://node2:8440', proof: { kind: 'relay', relay: () => 'secret' } } as const;

/** Answers every request with the same, and remembers the requests. */
function answerAll(status: number, body: unknown) {
  const requests: { url: string; init: RequestInit }[] = [];
  vi.stubGlobal('fetch', (url: URL, init: RequestInit) => {
    requests.push({ url: String(url), init });
    return Promise.resolve(new Response(JSON.stringify(body), { status }));
  });
  return requests;
}

const get = { method: 'GET', path: '/api/v1/vms', body: undefined };
const post = { method: 'POST', path: '/api/v1/vms', body: { name: 'Web' } };

describe("the browser's transport", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  test('shows the token of the session where something is changed, and nothing else, to the node of the page', async () => {
    const requests = answerAll(200, []);
    const transport = createBrowserTransport(OWN);
    expect(await transport.request(get)).toEqual({ status: 200, body: [] });
    await transport.request(post);
    expect(requests.map(({ init }) => init.headers)).toEqual([
      { accept: 'application/json' },
      { accept: 'application/json', 'content-type': 'application/json', 'x-godwit-csrf': 'token' },
    ]);
    expect(requests[1]).toMatchObject({ url: 'https://node1:8440/api/v1/vms', init: { body: '{"name":"Web"}' } });
  });

  test('shows the relay to other nodes, never in the URL, and sends them no cookie', async () => {
    const requests = answerAll(200, []);
    await createBrowserTransport(OTHER).request(get);
    expect(requests[0]?.init).toMatchObject({
      credentials: 'same-origin',
      headers: { authorization: 'Bearer secret' },
    });
    expect(requests[0]?.url).toBe('https://node2:8440/api/v1/vms');
  });

  test("hands on the cluster's errors, as the one of Node.js does", async () => {
    const body = {
      code: 'VM_NOT_FOUND',
      message: 'There is none.',
      state: 'Nothing.',
      nextStep: 'Look.',
      requestId: 'r',
    };
    answerAll(404, body);
    const call = createClient(createBrowserTransport(OWN)).call(getVm, { params: { name: 'x' } });
    await expect(call).rejects.toMatchObject({ code: 'VM_NOT_FOUND', details: { requestId: 'r' } });
  });

  test.each([
    [get, 'Nothing was changed by this request.'],
    [post, 'Unknown: the request may or may not have reached the cluster.'],
  ])('says of $method what may have become of it when no answer comes', async (request, state) => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    await expect(createBrowserTransport(OWN).request(request)).rejects.toMatchObject({
      ...{ code: 'CLUSTER_UNREACHABLE', state },
      message: 'No answer from https://node1:8440: Failed to fetch.',
    });
  });

  test('fetches a ticket for a WebSocket at another node, and offers it beside the protocol', async () => {
    const opened: [string, string[]][] = [];
    vi.stubGlobal(
      'WebSocket',
      class extends EventTarget {
        constructor(url: URL, protocols: string[]) {
          super();
          opened.push([String(url), protocols]);
        }
      },
    );
    const requests = answerAll(201, { ticket: 'once', validForMs: 20_000 });
    await createBrowserTransport(OWN).openSocket('/api/v1/live');
    expect(requests).toEqual([]);
    await createBrowserTransport(OTHER).openSocket('/api/v1/live');
    expect(requests[0]?.url).toBe('https://node2:8440/api/v1/session/ticket');
    expect(opened).toEqual([
      ['wss://node1:8440/api/v1/live', ['godwit']],
      ['wss://node2:8440/api/v1/live', ['godwit', 'godwit-ticket.once']],
    ]);
  });

  test('closes the live channel with the reason when the session has ended', async () => {
    answerAll(401, { code: 'NOT_SIGNED_IN', message: 'The session has ended.', state: 'x', nextStep: 'y' });
    const reason = await new Promise((resolve) => {
      createBrowserTransport(OTHER).openLive('/api/v1/live', { onMessage: () => {}, onClose: resolve });
    });
    expect(reason).toBe('The session has ended.');
  });
});
