import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, startApiCluster } from '../../test/doubles/api-cluster.ts';
import { testFacts } from '../../test/doubles/cluster-facts.ts';
import { keys } from '../model/keys.ts';

const host = '10.78.0.11:8440';

describe('the web console', () => {
  let cluster: ApiCluster;
  beforeEach(async () => {
    cluster = await startApiCluster();
    const facts = (name: string, apiUrl: string) => ({ [keys.nodeFacts(name)]: { ...testFacts(name), apiUrl } });
    await cluster.put({ ...facts('node1', `https://${host}`), ...facts('node2', 'https://10.78.0.12:8440') });
  });
  afterEach(() => cluster.close());

  const open = (url: string, headers: Record<string, string> = {}) =>
    cluster.server.inject({ url, headers: { host, accept: 'text/html', ...headers } });

  test.each(['/', '/vms/WebServer', '/images/debian.iso', '/index.html'])(
    'is the answer to %s, without signing in',
    async (url) => {
      const answer = await open(url);
      expect(answer.statusCode).toBe(200);
      expect(answer.headers['content-type']).toContain('text/html');
      expect(answer.headers['cache-control']).toBe('no-store');
    },
  );

  test('has a nonce for styles, another one each time, and lets no script in but its own', async () => {
    const nonces = new Set<string>();
    for (let count = 0; count < 2; count += 1) {
      const answer = await open('/');
      const policy = String(answer.headers['content-security-policy']);
      const nonce = /style-src 'self' 'nonce-([^']+)'/.exec(policy)?.[1] ?? '';
      expect(answer.body).toContain(`content="${nonce}"`);
      expect(policy).toContain("default-src 'none'; script-src 'self';");
      expect(policy).toContain("frame-ancestors 'none'");
      nonces.add(nonce);
    }
    expect(nonces.size).toBe(2);
  });

  test('may connect to the other members, and to nobody else', async () => {
    const policy = String((await open('/')).headers['content-security-policy']);
    const connect = /connect-src ([^;]+)/.exec(policy)?.[1] ?? '';
    const origins = connect.split(' ').filter((source) => source.startsWith('https:'));
    expect(connect.split(' ')).toContain("'self'");
    expect(origins).toContain('https://10.78.0.11:8440');
    expect(origins).toContain('https://10.78.0.12:8440');
    expect(new Set(origins).size).toBe(origins.length);
    expect(connect.split(' ').every((source) => /^('self'|(https|wss):\/\/10\.78\.0\.\d+:8440)$/.test(source))).toBe(
      true,
    );
  });

  test('says how it is built where it is not', async () => {
    cluster.page.html = null;
    const answer = await open('/');
    expect(answer.statusCode).toBe(503);
    expect(answer.body).toContain('npm run build:web');
  });

  test('a file that is not there is not the page', async () => {
    const answer = await open('/assets/gone-1234.js', { accept: '*/*' });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('the API is not hidden by it', async () => {
    expect((await open('/api/v1/nothing')).statusCode).toBe(401);
    expect((await open('/api/v2/vms')).json()).toMatchObject({ code: 'NOT_FOUND' });
    expect((await open('/api/v1/openapi.json')).statusCode).toBe(200);
    expect((await open('/api/v1/health')).json()).toMatchObject({ node: 'node1' });
  });
});
