import { expect, test } from 'vitest';
import { PASSWORD, startApiCluster } from '../../test/doubles/api-cluster.ts';
import { vmEntries } from '../../test/doubles/cluster-facts.ts';
import { LIVE_TOO_SLOW, type LiveMessage } from '../contract/live.ts';
import { LiveSender } from './live-sender.ts';

const VMS = 2000;
const settled = () => new Promise((resolve) => setTimeout(resolve, 100));

test('thousands of VMs come in parts that fit together, and one change is one message', async () => {
  const cluster = await startApiCluster();
  const names = Array.from({ length: VMS }, (_, index) => `vm-${index}`);
  await cluster.put(Object.assign({}, ...names.map((name) => vmEntries(name, 'running'))) as Record<string, unknown>);
  const heard: LiveMessage[] = [];
  const authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`;
  const socket = await cluster.server.injectWS(
    '/api/v1/live',
    { headers: { authorization } },
    {
      onInit: (opened) =>
        opened.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as LiveMessage)),
    },
  );
  await settled();
  const parts = heard.flatMap((message) => (message.type === 'snapshot' ? [message] : []));
  expect(parts.length).toBeGreaterThan(2);
  expect(parts.map(({ part }) => part)).toEqual(parts.map((_, index) => index + 1));
  expect(parts.every((one) => one.parts === parts.length)).toBe(true);
  expect(parts.flatMap(({ vms }) => vms.map(({ name }) => name)).length).toBe(VMS);
  expect(parts.map(({ nodes }) => nodes.length > 0)).toEqual(parts.map((_, index) => index === 0));
  heard.length = 0;
  await cluster.put(vmEntries('vm-7', 'paused'));
  cluster.clock.advance(100);
  await settled();
  expect(heard).toMatchObject([{ type: 'vm', vm: { name: 'vm-7', state: 'paused' } }]);
  socket.terminate();
  await cluster.close();
});

/** A client whose connection takes `takes` more messages, and then none. */
function clientThatTakes(takes: number) {
  const taken: string[] = [];
  const callbacks: (() => void)[] = [];
  const client = {
    taken,
    closedWith: 0,
    get bufferedAmount() {
      return taken.length >= takes ? Number.MAX_SAFE_INTEGER : 0;
    },
    send: (text: string, sent: () => void) => void (taken.push(text), callbacks.push(sent)),
    close: (code: number) => {
      client.closedWith = code;
    },
    /** Everything that was handed over has left. */
    flush: (more: number) => {
      takes += more;
      for (const sent of callbacks.splice(0)) sent();
    },
  };
  return client;
}

test('a slow client hears the last about each object only, and is not cut off as long as it reads', () => {
  const client = clientThatTakes(1);
  const sender = new LiveSender(client);
  sender.say([{ object: 'snapshot 0', text: 'snapshot' }]);
  for (let change = 0; change < 1000; change += 1) sender.say([{ object: `vm ${change % 2}`, text: `${change}` }]);
  sender.look();
  expect(client.taken).toEqual(['snapshot']);
  client.flush(10);
  sender.look();
  expect(client.taken).toEqual(['snapshot', '998', '999']);
  expect(client.closedWith).toBe(0);
});

test('a client that has stopped reading is cut off', () => {
  const client = clientThatTakes(0);
  const sender = new LiveSender(client);
  sender.say([{ object: 'snapshot 0', text: 'snapshot' }]);
  sender.look();
  sender.look();
  expect(client.closedWith).toBe(LIVE_TOO_SLOW);
});
