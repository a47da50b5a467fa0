import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../../ports/clock.ts';
import { QmpClient, QmpError, type QmpEvent } from './qmp-client.ts';

const GREETING = { QMP: { version: {}, capabilities: ['oob'] } };

interface Line {
  readonly execute?: string;
  readonly 'exec-oob'?: string;
  readonly arguments?: unknown;
  readonly id: number;
}

let directory: string;
let server: Server;
let answer: (line: Line, socket: Socket) => void;
let received: Line[];
/** Deadlines that are running; a test lets them pass by calling them. */
let deadlines: Set<() => void>;
let events: (QmpEvent | string)[];
let closed: () => void;

const clock: Clock = {
  wallMs: () => 0,
  monotonicMs: () => 0,
  sleep: async () => undefined,
  after: (_ms, run) => {
    deadlines.add(run);
    return () => deadlines.delete(run);
  },
  every: () => () => undefined,
};

function send(socket: Socket, ...messages: unknown[]): void {
  socket.write(messages.map((message) => `${JSON.stringify(message)}\r\n`).join(''));
}

function connect(): Promise<QmpClient> {
  return QmpClient.connect({
    path: join(directory, 'qmp.sock'),
    subject: 'VM WebServer',
    clock,
    listener: { event: (event) => events.push(event), closed: () => closed() },
  });
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'qmp-'));
  received = [];
  events = [];
  deadlines = new Set();
  closed = () => undefined;
  answer = (line, socket) => send(socket, { return: {}, id: line.id });
  server = createServer((socket) => {
    send(socket, GREETING);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n')) {
        const line = JSON.parse(text.slice(0, end)) as Line;
        text = text.slice(end + 1);
        received.push(line);
        if (line.execute === 'qmp_capabilities') send(socket, { return: {}, id: line.id });
        else answer(line, socket);
      }
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(join(directory, 'qmp.sock'), resolve);
  });
});

afterEach(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

describe('QmpClient', () => {
  test('takes out-of-band execution when it is offered', async () => {
    const client = await connect();
    await client.execute('yank', { instances: [] }, { outOfBand: true });
    client.close();
    expect(received).toEqual([
      { execute: 'qmp_capabilities', arguments: { enable: ['oob'] }, id: 1 },
      { 'exec-oob': 'yank', arguments: { instances: [] }, id: 2 },
    ]);
  });

  test('gives each answer to its own command, whatever their order', async () => {
    const held: Line[] = [];
    answer = (line, socket) => {
      held.push(line);
      if (held.length === 2) send(socket, ...held.reverse().map(({ id, execute }) => ({ return: execute, id })));
    };
    const client = await connect();
    expect(await Promise.all([client.execute('first'), client.execute('second')])).toEqual(['first', 'second']);
    client.close();
  });

  test('delivers events in order, ahead of the answer that follows them', async () => {
    const timestamp = { seconds: 1000, microseconds: 250 };
    answer = ({ id }, socket) =>
      send(socket, { event: 'STOP', timestamp }, { event: 'RESUME', timestamp, data: { a: 1 } }, { return: {}, id });
    const client = await connect();
    await client.execute('cont').then(() => events.push('answer'));
    expect(events).toEqual([
      { event: 'STOP', atMs: 1_000_000.25, data: {} },
      { event: 'RESUME', atMs: 1_000_000.25, data: { a: 1 } },
      'answer',
    ]);
    client.close();
  });

  test('puts a large answer together from its pieces', async () => {
    const large = 'äöü'.repeat(100_000);
    answer = ({ id }, socket) => send(socket, { return: large, id });
    const client = await connect();
    expect(await client.execute('query-qmp-schema')).toBe(large);
    client.close();
  });

  test('gives a refusal its class and description', async () => {
    answer = ({ id }, socket) => send(socket, { error: { class: 'CommandNotFound', desc: 'no such thing' }, id });
    const client = await connect();
    const error: unknown = await client.execute('nonsense').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(QmpError);
    expect(error).toMatchObject({ command: 'nonsense', class: 'CommandNotFound', description: 'no such thing' });
    client.close();
  });

  test('names the command that was not answered in time, and ignores the late answer', async () => {
    let late = () => undefined as void;
    answer = (line, socket) => {
      if (line.execute === 'query-status') late = () => send(socket, { return: 'late', id: line.id });
      else send(socket, { return: 'in time', id: line.id });
    };
    const client = await connect();
    const asked = client.execute('query-status');
    for (const pass of deadlines) pass();
    await expect(asked).rejects.toMatchObject({
      code: 'HYPERVISOR_FAILED',
      message: 'VM WebServer: "query-status" failed: QEMU did not answer within 2000 ms.',
    });
    late();
    expect(await client.execute('query-version')).toBe('in time');
    client.close();
  });

  test('rejects what is pending when the connection ends, and says so once', async () => {
    answer = (_line, socket) => socket.destroy();
    let times = 0;
    const ended = new Promise<void>((resolve) => {
      closed = () => {
        times += 1;
        resolve();
      };
    });
    const client = await connect();
    await expect(client.execute('quit')).rejects.toMatchObject({ details: { command: 'quit' } });
    await ended;
    await expect(client.execute('query-status')).rejects.toMatchObject({ code: 'HYPERVISOR_FAILED' });
    client.close();
    expect(times).toBe(1);
    expect(deadlines.size).toBe(0);
  });

  test('does not wait for ever for a QEMU that does not greet', async () => {
    server.removeAllListeners('connection');
    server.on('connection', () => {
      for (const pass of deadlines) pass();
    });
    await expect(connect()).rejects.toMatchObject({ code: 'HYPERVISOR_FAILED' });
  });
});
