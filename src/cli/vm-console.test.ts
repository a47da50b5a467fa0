import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { recordOutput } from '../../test/doubles/cli-samples.ts';
import type { ConsoleListener } from '../client/node-console.ts';
import { CONSOLE_CLOSE } from '../contract/console.ts';
import type { VmView } from '../contract/vms.ts';
import type { Cluster } from './cluster.ts';
import type { Context } from './context.ts';
import { type ConsoleInput, watchConsole } from './vm-console.ts';

interface Opened {
  readonly path: string;
  readonly listener: ConsoleListener;
  readonly attempt: number;
  typed: string;
  closed: boolean;
}

let opened: Opened[];
let state: VmView['state'];
let output: ReturnType<typeof recordOutput>;

beforeEach(() => {
  [opened, state, output] = [[], 'running', recordOutput()];
});

/** `keys`: typed on a terminal, or piped in. */
function watch(keys: 'terminal' | 'pipe', backlog = true) {
  const input: ConsoleInput = Object.assign(new PassThrough(), keys === 'terminal' ? { isTTY: true as const } : {});
  const cluster = {
    call: () => Promise.resolve({ name: 'WebServer', state, request: null, settledRequest: null }),
    openConsole(path: string, listener: ConsoleListener, attempt: number) {
      const one: Opened = { path, listener, attempt, typed: '', closed: false };
      opened.push(one);
      return {
        write: (bytes: Uint8Array) => void (one.typed += Buffer.from(bytes).toString()),
        close: () => void (one.closed = true),
      };
    },
  } as unknown as Cluster;
  const context: Context = { json: false, output, openCluster: () => Promise.resolve(cluster) };
  const ended = watchConsole(context, { name: 'WebServer', backlog, input });
  return { input: input as unknown as PassThrough, ended };
}

const open = async (count = 1): Promise<Opened> => {
  await vi.waitUntil(() => opened.length === count, { timeout: 5000 });
  return opened[count - 1] as Opened;
};

describe('vm console', () => {
  test('shows what comes, passes on what is typed, and leaves on Ctrl-] without passing that on', async () => {
    const { ended, input } = watch('terminal');
    const one = await open();
    input.write('early ');
    one.listener.onOpen();
    one.listener.onBytes(Buffer.from('login: '));
    input.write('root\x1dnever');
    expect(await ended).toBe(0);
    expect([one.typed, one.closed, one.path]).toEqual(['early root', true, '/api/v1/vms/WebServer/console/serial']);
    expect(output.texts.join('')).toBe('login: ');
    expect(output.errors[0]).toContain('Ctrl-]');
  });

  test('in a pipe ends when the input has ended and the guest has fallen silent', async () => {
    const { ended, input } = watch('pipe', false);
    input.end('uptime\x1d\n');
    const one = await open();
    one.listener.onOpen();
    one.listener.onBytes(Buffer.from('up 3 min'));
    expect(await ended).toBe(0);
    expect(one.typed).toBe('uptime\x1d\n');
    expect(one.path).toContain('backlogBytes=0');
    expect(output.errors).toEqual([]);
  });

  test('asks the next node, without the past, when the one that passed it on is gone', async () => {
    const { ended, input } = watch('terminal');
    const one = await open();
    one.listener.onOpen();
    one.listener.onClose(1006, '');
    const other = await open(2);
    other.listener.onOpen();
    expect([other.attempt, other.path]).toEqual([1, '/api/v1/vms/WebServer/console/serial?backlogBytes=0']);
    input.write('\x1d');
    expect(await ended).toBe(0);
  });

  test('ends well when the VM is turned off, and is refused when it is off already', async () => {
    const { ended } = watch('terminal');
    const one = await open();
    one.listener.onOpen();
    one.listener.onClose(CONSOLE_CLOSE.off, 'WebServer is off.');
    expect(await ended).toBe(0);
    expect(output.errors.join('\n')).toContain('WebServer is off.');
    state = 'off';
    await expect(watch('terminal').ended).rejects.toMatchObject({ code: 'VM_STATE_UNSUITABLE' });
  });

  test('fails when the node that runs the VM does not answer', async () => {
    const { ended } = watch('pipe');
    const one = await open();
    one.listener.onClose(CONSOLE_CLOSE.unreachable, 'node2 runs WebServer, and does not answer.');
    await expect(ended).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' });
  });
});
