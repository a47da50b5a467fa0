import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, PASSWORD, startApiCluster } from '../../test/doubles/api-cluster.ts';

describe('the server', () => {
  let cluster: ApiCluster;
  beforeEach(async () => {
    cluster = await startApiCluster();
  });
  afterEach(() => cluster.close());

  const askAs = (user: string, password: string) =>
    cluster.server.inject({
      url: '/api/v1/vms',
      headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
    });

  test('lets the administrator in, the first time and again', async () => {
    expect((await askAs('admin', PASSWORD)).statusCode).toBe(200);
    expect((await askAs('admin', PASSWORD)).statusCode).toBe(200);
  });

  test.each([
    ['admin', 'wrong'],
    ['admin', ''],
    ['root', PASSWORD],
  ])('does not let %s with the password "%s" in, also after the administrator', async (user, password) => {
    expect((await askAs(user, password)).statusCode).toBe(401);
    await askAs('admin', PASSWORD);
    const answer = await askAs(user, password);
    expect(answer.json()).toMatchObject({ code: 'NOT_SIGNED_IN', requestId: expect.any(String) as string });
    expect(answer.headers['www-authenticate']).toContain('Basic');
  });

  test.each(['/api/v1/vms', '/api/v1/cluster', '/api/v1/nothing'])('wants a password for %s', async (url) => {
    expect((await cluster.server.inject(url)).json()).toMatchObject({ code: 'NOT_SIGNED_IN' });
  });

  test('answers an unknown path with the error shape', async () => {
    const { status, body } = await cluster.ask('GET', '/nothing?x=1');
    expect(status).toBe(404);
    expect(body).toMatchObject({ code: 'NOT_FOUND', message: 'There is no GET /api/v1/nothing.' });
    expect(body).toMatchObject({ state: 'Nothing was changed.', requestId: expect.any(String) as string });
  });

  test.each([
    ['text that is no JSON', '{"name":'],
    ['nothing', ''],
    ['too much', JSON.stringify({ name: 'x'.repeat(100_000) })],
  ])('refuses %s as a body', async (_what, payload) => {
    const authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`;
    const answer = await cluster.server.inject({
      ...{ method: 'POST', url: '/api/v1/vms', payload },
      headers: { authorization, 'content-type': 'application/json' },
    });
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'INVALID_INPUT' });
  });

  test.each([
    ['/events?limit=0', 'The parameter "limit" is 0; it must be at least 1.'],
    ['/events?colour=red', 'The query must not have the parameter "colour".'],
    ['/events?critical=perhaps', 'The parameter "critical" is "perhaps"; it must be true or false.'],
  ])('says of %s what is wrong with it and what is allowed', async (path, message) => {
    expect(await cluster.refusal('GET', path)).toMatchObject({
      ...{ code: 'INVALID_INPUT', message, nextStep: expect.stringContaining('openapi.json') },
    });
  });

  test('an unforeseen failure is answered with the error shape as well', async () => {
    cluster.store.list = () => Promise.reject(new Error('the roof fell in'));
    const { status, body } = await cluster.ask('POST', '/vms/WebServer/start');
    expect(status).toBe(500);
    expect(body).toMatchObject({
      code: 'INTERNAL',
      message: 'the roof fell in',
      requestId: expect.any(String) as string,
    });
  });
});
