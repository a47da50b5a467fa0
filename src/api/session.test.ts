import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, PASSWORD, startApiCluster } from '../../test/doubles/api-cluster.ts';
import { testFacts } from '../../test/doubles/cluster-facts.ts';
import { SIGNED_OUT } from '../contract/live.ts';
import type { SessionView } from '../contract/session.ts';
import { keys, SESSIONS_PREFIX } from '../model/keys.ts';

const OWN = 'https://node1.example:8440';
const host = 'node1.example:8440';
const OTHER = 'https://10.78.0.12:8440';
const FOREIGN = 'https://evil.example';

describe('a session', () => {
  let cluster: ApiCluster;
  beforeEach(async () => {
    cluster = await startApiCluster();
    const facts = (name: string, apiUrl: string, gateway: string) => ({
      [keys.nodeFacts(name)]: { ...testFacts(name), apiUrl, alsoReachedAs: [gateway] },
    });
    await cluster.put({
      ...facts('node1', 'https://10.78.0.11:8440', OWN),
      ...facts('node2', OTHER, 'https://node2.example:8440'),
    });
  });
  afterEach(() => cluster.close());

  const signIn = (payload: object = { user: 'admin', password: PASSWORD }, headers: Record<string, string> = {}) =>
    cluster.server.inject({
      method: 'POST',
      url: '/api/v1/session',
      payload,
      headers: { host, origin: OWN, ...headers },
    });

  async function signedIn() {
    const answer = await signIn();
    const cookie = String(answer.headers['set-cookie']).split(';')[0] ?? '';
    return { view: answer.json<SessionView>(), cookie };
  }

  type Method = 'GET' | 'POST' | 'DELETE';
  const ask = async (method: Method, url: string, headers: Record<string, string>) => {
    const answer = await cluster.server.inject({ method, url: `/api/v1${url}`, headers: { host, ...headers } });
    return { status: answer.statusCode, code: answer.json<{ code?: string }>().code, headers: answer.headers };
  };

  describe('by its cookie', () => {
    test('is set so that no script and no other site gets it', async () => {
      const answer = await signIn();
      expect(answer.statusCode).toBe(201);
      const [cookie, marker, ...others] = [answer.headers['set-cookie']].flat();
      expect(cookie).toMatch(/^__Host-godwit=[\w-]{43}; HttpOnly; Path=\/; Secure; SameSite=Strict; Max-Age=86400$/);
      expect(marker).toBe('__Host-godwit-signed-in=yes; Path=/; Secure; SameSite=Strict; Max-Age=86400');
      expect(others).toEqual([]);
    });

    test('reads, and is known by its cookie after a reload with the same secrets', async () => {
      const { view, cookie } = await signedIn();
      expect((await ask('GET', '/vms', { cookie })).status).toBe(200);
      const again = await cluster.server.inject({ url: '/api/v1/session', headers: { host, cookie } });
      expect(again.json()).toEqual(view);
    });

    test('changes something only with its token and from its own page', async () => {
      const { view, cookie } = await signedIn();
      const good = { cookie, origin: OWN, 'x-godwit-csrf': view.csrf };
      const post = (headers: Record<string, string>) => ask('POST', '/nodes/node2/pause', headers);
      for (const headers of [
        { cookie, 'x-godwit-csrf': view.csrf },
        { cookie, origin: OWN },
        { ...good, 'x-godwit-csrf': view.relay },
        { ...good, origin: FOREIGN },
        { ...good, origin: OTHER },
        { ...good, origin: 'null' },
      ]) {
        expect(await post(headers)).toMatchObject({ status: 403, code: 'REQUEST_NOT_TRUSTED' });
      }
      expect((await post(good)).status).toBe(200);
    });

    test('is nothing in the store that could be used', async () => {
      const { view, cookie } = await signedIn();
      const stored = JSON.stringify(
        Object.entries(cluster.store.contents()).filter(([key]) => key.startsWith(SESSIONS_PREFIX)),
      );
      const [id = '', secret = ''] = view.relay.split('.');
      expect(stored).toContain(id);
      for (const text of [cookie.split('=')[1] ?? '', secret, view.csrf, PASSWORD]) expect(stored).not.toContain(text);
      expect((await ask('GET', '/vms', { cookie: `__Host-godwit=${id}` })).status).toBe(401);
    });

    test('ends by signing out, at once and for good', async () => {
      const { view, cookie } = await signedIn();
      const out = await ask('DELETE', '/session', { cookie, origin: OWN, 'x-godwit-csrf': view.csrf });
      expect(out.status).toBe(200);
      expect(String(out.headers['set-cookie'])).toContain('Max-Age=0');
      expect(await ask('GET', '/vms', { cookie })).toMatchObject({ status: 401, code: 'NOT_SIGNED_IN' });
      expect(Object.keys(cluster.store.contents()).filter((key) => key.startsWith(SESSIONS_PREFIX))).toEqual([]);
    });

    test('ends when it was ended on another node', async () => {
      const { view, cookie } = await signedIn();
      await cluster.put({ [`${SESSIONS_PREFIX}${view.relay.split('.')[0]}`]: undefined });
      expect((await ask('GET', '/vms', { cookie })).status).toBe(401);
    });

    test('ends after eight hours without use, not before, and after a day in any case', async () => {
      const { cookie } = await signedIn();
      const hour = 3600_000;
      for (const [hours, status] of [
        [7, 200],
        [7, 200],
        [9, 401],
      ] as const) {
        cluster.clock.advance(hours * hour);
        expect((await ask('GET', '/vms', { cookie })).status).toBe(status);
      }
      const second = await signedIn();
      for (let used = 0; used < 5; used += 1) {
        cluster.clock.advance(5 * hour);
        const { status } = await ask('GET', '/vms', { cookie: second.cookie });
        expect(status).toBe(used < 4 ? 200 : 401);
      }
    });

    test('reads on while the store is silent; one that is made then is for this node only', async () => {
      const { cookie } = await signedIn();
      cluster.store.setQuorum(false);
      expect((await ask('GET', '/vms', { cookie })).status).toBe(200);
      const { view, cookie: local } = await signedIn();
      expect(view.everywhere).toBe(false);
      expect((await ask('GET', '/vms', { cookie: local })).status).toBe(200);
    });
  });

  test('that a node cannot know of is not said to have ended', async () => {
    const { cookie } = await signedIn();
    const unheard = `__Host-godwit=${'A'.repeat(43)}`;
    expect((await ask('GET', '/vms', { cookie: unheard })).code).toBe('NOT_SIGNED_IN');
    cluster.store.setQuorum(false);
    expect(await ask('GET', '/vms', { cookie: unheard })).toMatchObject({ status: 503, code: 'STORE_UNAVAILABLE' });
    expect((await ask('GET', '/vms', { cookie })).status).toBe(200);
  });

  describe('at another node', () => {
    test('is known by its relay, and needs no token there', async () => {
      const { view } = await signedIn();
      const authorization = `Bearer ${view.relay}`;
      expect((await ask('GET', '/vms', { authorization, origin: OTHER })).status).toBe(200);
      expect((await ask('POST', '/nodes/node2/pause', { authorization, origin: OTHER })).status).toBe(200);
      expect(await ask('POST', '/nodes/node2/pause', { authorization, origin: FOREIGN })).toMatchObject({
        code: 'REQUEST_NOT_TRUSTED',
      });
      const [id = '', secret = ''] = view.relay.split('.');
      const wrong = `Bearer ${id}.${secret.split('').reverse().join('')}`;
      expect((await ask('GET', '/vms', { authorization: wrong })).status).toBe(401);
    });

    test('is told where to go on, on the network by which the page has come', async () => {
      const { view } = await signedIn();
      expect(view.nodes).toEqual([
        { name: 'node1', urls: [OWN, 'https://10.78.0.11:8440'] },
        { name: 'node2', urls: ['https://node2.example:8440', OTHER] },
      ]);
      const inside = await signIn(undefined, { host: '10.78.0.11:8440', origin: 'https://10.78.0.11:8440' });
      expect(inside.json<SessionView>().nodes[1]?.urls[0]).toBe(OTHER);
    });

    test('only pages of members may read answers, and never with cookies', async () => {
      const preflight = (origin: string) =>
        cluster.server.inject({
          ...{ method: 'OPTIONS', url: '/api/v1/vms' },
          headers: { host, origin, 'access-control-request-method': 'PATCH' },
        });
      const allowed = await preflight(OTHER);
      expect(allowed.statusCode).toBe(204);
      expect(allowed.headers).toMatchObject({ 'access-control-allow-origin': OTHER, vary: 'Origin' });
      expect(allowed.headers).not.toHaveProperty('access-control-allow-credentials');
      for (const origin of [FOREIGN, 'https://10.78.0.12', 'null']) {
        expect((await preflight(origin)).headers).not.toHaveProperty('access-control-allow-origin');
      }
    });
  });

  describe('by a WebSocket', () => {
    const open = (headers: Record<string, string>) =>
      cluster.server.injectWS('/api/v1/live', { headers: { host, ...headers } });

    test('opens from its own page with the cookie, and from no other', async () => {
      const { cookie } = await signedIn();
      (await open({ cookie, origin: OWN })).terminate();
      await expect(open({ cookie, origin: FOREIGN })).rejects.toThrow('403');
      await expect(open({ cookie, origin: OTHER })).rejects.toThrow('403');
      await expect(open({ cookie })).rejects.toThrow('403');
    });

    test('opens once with a ticket, which is not chosen as the protocol', async () => {
      const { view } = await signedIn();
      const answer = await cluster.server.inject({
        ...{ method: 'POST', url: '/api/v1/session/ticket' },
        headers: { host, origin: OTHER, authorization: `Bearer ${view.relay}` },
      });
      const { ticket } = answer.json<{ ticket: string }>();
      const headers = { origin: OTHER, 'sec-websocket-protocol': `godwit, godwit-ticket.${ticket}` };
      (await open(headers)).terminate();
      await expect(open(headers)).rejects.toThrow('401');
    });

    test('ends with the session', async () => {
      const { view, cookie } = await signedIn();
      const socket = await open({ cookie, origin: OWN });
      const closed = new Promise((resolve) => socket.on('close', resolve));
      await ask('DELETE', '/session', { cookie, origin: OWN, 'x-godwit-csrf': view.csrf });
      cluster.clock.advance(15_000);
      expect(await closed).toBe(SIGNED_OUT);
    });
  });

  describe('is not made', () => {
    test.each([
      ['a wrong password', { user: 'admin', password: 'wrong' }],
      ['a wrong name', { user: 'root', password: PASSWORD }],
    ])('by %s, and the answer is the same', async (_what, payload) => {
      const answer = await signIn(payload);
      expect(answer.statusCode).toBe(401);
      expect(answer.json()).toMatchObject({ code: 'SIGN_IN_FAILED', message: 'The name or the password is wrong.' });
      expect(answer.headers).not.toHaveProperty('set-cookie');
    });

    test('for a page of another site', async () => {
      expect((await signIn(undefined, { origin: FOREIGN })).json()).toMatchObject({ code: 'REQUEST_NOT_TRUSTED' });
    });

    test('after too many wrong passwords, not even by the right one, until some time has passed', async () => {
      const { cookie } = await signedIn();
      for (let tries = 0; tries < 10; tries += 1) await signIn({ user: 'admin', password: `guess ${tries}` });
      const answer = await signIn();
      expect(answer.statusCode).toBe(429);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.json()).toMatchObject({ code: 'TOO_MANY_SIGN_INS' });
      // By HTTP Basic neither: otherwise one would guess there.
      expect((await cluster.ask('GET', '/vms')).status).toBe(429);
      expect((await ask('GET', '/vms', { cookie })).status).toBe(200);
      cluster.clock.advance(31_000);
      expect((await signIn()).statusCode).toBe(201);
    });
  });

  test('a browser is never made to ask for a password in a window of its own', async () => {
    const { status, headers } = await ask('GET', '/vms', { 'sec-fetch-mode': 'cors' });
    expect(status).toBe(401);
    expect(headers).not.toHaveProperty('www-authenticate');
  });
});
