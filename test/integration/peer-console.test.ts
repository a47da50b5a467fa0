import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPeerLink, type PeerLink } from '../../src/adapters/peer-link/peer-link.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import type { ConsoleRequest } from '../../src/model/console.ts';
import type { ByteStream } from '../../src/ports/byte-stream.ts';
import { createTestAuthority, freePort, quickHandlers, silentLog, type TestTls } from './peer-link-fixture.ts';

const REQUEST: ConsoleRequest = {
  ...{ kind: 'serial', vm: 'WebServer', backlogBytes: 10 },
  after: { instance: 'i1', line: 'l1', bytes: 7 },
};

let port: number;
let tls: Record<'node1' | 'node2' | 'stranger', TestTls>;
const links: PeerLink[] = [];

beforeEach(async () => {
  port = await freePort();
  const authority = await createTestAuthority();
  tls = {
    node1: await authority.issue('CN=node1, O=godwit'),
    node2: await authority.issue('CN=node2, O=godwit'),
    stranger: await (await createTestAuthority()).issue('CN=node1, O=godwit'),
  };
});

afterEach(() => {
  for (const link of links.splice(0)) link.close();
});

function link(nodeName: string, identity: TestTls): PeerLink {
  const options = { nodeName, bootId: 'b', listenPort: port, listenAddress: '127.0.0.1', tls: identity };
  const made = createPeerLink({ ...options, clock: systemClock, log: silentLog });
  links.push(made);
  return made;
}

interface Accepted {
  readonly request: ConsoleRequest;
  readonly far: ByteStream;
}

let accepted: Accepted[] = [];

async function serveNode2(): Promise<void> {
  accepted = [];
  const server = link('node2', tls.node2);
  server.consoles.serve((request, far) => accepted.push({ request, far }));
  await server.serve(quickHandlers());
}

function open(identity: TestTls, node = 'node2'): ByteStream {
  return link('node1', identity).consoles.open({ node, addresses: ['127.0.0.1'], port }, REQUEST);
}

/** The far end of the console that was opened. */
async function farEnd(): Promise<Accepted> {
  await expect.poll(() => accepted.length).toBe(1);
  return accepted[0] as Accepted;
}

function watch(stream: ByteStream) {
  const seen = { messages: [] as string[], bytes: 0, drained: 0, end: null as number | null };
  stream.listen({
    data: (bytes) => {
      seen.bytes += bytes.length;
      if (bytes.length < 100) seen.messages.push(Buffer.from(bytes).toString());
    },
    drained: () => {
      seen.drained += 1;
    },
    ended: ({ code }) => {
      seen.end = code;
    },
  });
  return seen;
}

describe('a console between two agents', () => {
  test('carries the request, messages both ways as they are, and the reason of its end', async () => {
    await serveNode2();
    const near = open(tls.node1);
    const nearSeen = watch(near);
    const { far, request } = await farEnd();
    expect(request).toEqual(REQUEST);
    const farSeen = watch(far);
    for (const text of ['head', 'boot']) far.write(Buffer.from(text));
    await expect.poll(() => nearSeen.messages).toEqual(['head', 'boot']);
    near.write(Buffer.from('ls'));
    await expect.poll(() => farSeen.messages).toEqual(['ls']);
    far.close({ code: 4001, reason: 'It does not run here any more.' });
    await expect.poll(() => nearSeen.end).toBe(4001);
  });

  test('makes the writer wait while the reader does not read, and says when there is room', async () => {
    await serveNode2();
    const near = open(tls.node1);
    const nearSeen = watch(near);
    const { far } = await farEnd();
    const farSeen = watch(far);
    near.pause();
    const piece = Buffer.alloc(256 * 1024, 'x');
    let written = 0;
    while (far.write(piece)) {
      written += piece.length;
      expect(written).toBeLessThan(64 * 1024 * 1024);
      await new Promise(setImmediate);
    }
    written += piece.length;
    expect(farSeen.drained).toBe(0);
    near.resume();
    await expect.poll(() => farSeen.drained).toBe(1);
    await expect.poll(() => nearSeen.bytes).toBe(written);
  });

  test('is open to nodes of the cluster only, and to the right one', async () => {
    await serveNode2();
    const stranger = watch(open(tls.stranger));
    const mistaken = watch(open(tls.node1, 'node3'));
    await expect.poll(() => [stranger.end, mistaken.end], { timeout: 10_000 }).toEqual([1006, 1006]);
    expect(accepted).toEqual([]);
  });

  test('ends when the other agent is gone', async () => {
    await serveNode2();
    const seen = watch(open(tls.node1));
    await farEnd();
    links[0]?.close();
    await expect.poll(() => seen.end).toBe(1006);
  });
});
