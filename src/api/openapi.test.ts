import { expect, test } from 'vitest';
import { startApiCluster } from '../../test/doubles/api-cluster.ts';

test('docs/openapi.json is what the server says of itself', async () => {
  const cluster = await startApiCluster();
  const { status, body } = await cluster.ask('GET', '/openapi.json');
  await cluster.close();
  expect(status).toBe(200);
  await expect(`${JSON.stringify(body, null, 2)}\n`).toMatchFileSnapshot('../../docs/openapi.json');
});
