import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryStream } from '../../test/doubles/memory-stream.ts';
import type { ConsoleSockets } from '../ports/consoles.ts';
import type { Log } from '../ports/log.ts';
import { SerialLine } from './serial-line.ts';

const log: Log = { debug() {}, info() {}, warn() {}, error() {} };
const NEW = { backlogBytes: 65_536, after: null } as const;
const turn = () => new Promise(setImmediate);

let clock: ManualClock;
/** The ends of QEMU, the newest last. */
let ports: MemoryStream[];
let past: string;
let trims: number;

beforeEach(() => {
  [clock, ports, past, trims] = [new ManualClock(), [], '', 0];
});

async function line(name = 'line'): Promise<SerialLine> {
  const sockets: ConsoleSockets = {
    async connect() {
      const [mine, theirs] = MemoryStream.pair();
      ports.push(theirs);
      return mine;
    },
    serialPast: () => Buffer.from(past),
    async trimSerialLog() {
      trims += 1;
    },
  };
  const made = new SerialLine({ id: 'i1', vm: 'WebServer' }, name, { sockets, clock, log });
  await turn();
  return made;
}

function viewer(of: SerialLine, request: Parameters<SerialLine['view']>[0] = NEW) {
  const view = of.view(request);
  const seen = { text: '', end: null as number | null };
  view.listen({
    data: (bytes) => {
      seen.text += Buffer.from(bytes).toString();
    },
    drained: () => undefined,
    ended: ({ code }) => {
      seen.end = code;
    },
  });
  return { view, seen };
}

const guestSays = (text: string) => void ports.at(-1)?.write(Buffer.from(text));

describe('a serial line', () => {
  test('shows everybody the past and whatever comes, and takes input from each', async () => {
    const serial = await line();
    guestSays('boot\n');
    const [one, other] = [viewer(serial), viewer(serial, { ...NEW, backlogBytes: 3 })];
    guestSays('login: ');
    expect([one.seen.text, other.seen.text]).toEqual(['boot\nlogin: ', 'ot\nlogin: ']);
    one.view.write(Buffer.from('ro'));
    other.view.write(Buffer.from('ot'));
    expect(ports[0]?.received).toBe('root');
  });

  test('shows what the guest wrote while there was another agent', async () => {
    past = 'from the file';
    expect(viewer(await line()).seen.text).toBe('from the file');
  });

  test('is never held up by a viewer that is slow, who is told what is missing', async () => {
    const serial = await line();
    const { seen, view } = viewer(serial);
    view.pause();
    for (let count = 0; count < 100; count += 1) guestSays('x'.repeat(1000));
    expect(ports[0]?.paused).toBe(false);
    expect(seen.text).toBe('');
    view.resume();
    expect(seen.text).toMatch(/^\r\n\[godwit: \d+ bytes left out\]\r\n/);
    expect(seen.text.length).toBeGreaterThan(65_536);
  });

  test('goes on where somebody was, or says all that another QEMU wrote', async () => {
    const serial = await line('new');
    guestSays('0123456789');
    const at = (instance: string, name: string, bytes: number) =>
      viewer(serial, { backlogBytes: 65_536, after: { instance, line: name, bytes } }).seen.text;
    expect(at('i1', 'new', 7)).toBe('789');
    expect(at('i0', 'old', 500)).toBe('0123456789');
    expect(at('i1', 'of an agent that is gone', 3)).toBe('');
  });

  test('says where a viewer is', async () => {
    const serial = await line();
    guestSays('0123456789');
    serial.inherit(Buffer.from('before '));
    const { seen, view } = viewer(serial, { ...NEW, backlogBytes: 14 });
    expect(seen.text).toBe('ore 0123456789');
    expect(serial.positionOf(view)).toEqual({ instance: 'i1', line: 'line', bytes: 10 });
    expect(serial.positionOf(serial.view({ ...NEW, backlogBytes: 14 })).bytes).toBe(-4);
  });

  test('connects again when the connection breaks', async () => {
    const serial = await line();
    const { seen } = viewer(serial);
    ports[0]?.close({ code: 1006, reason: 'gone' });
    clock.advance(500);
    await turn();
    guestSays('back');
    expect(seen).toEqual({ text: 'back', end: null });
  });

  test('gives the last words before it ends, and only the past to who wants no more', async () => {
    const serial = await line();
    guestSays('panic');
    const waiting = viewer(serial);
    waiting.view.pause();
    guestSays('!');
    serial.end({ code: 4001, reason: 'gone' });
    expect(waiting.seen.end).toBeNull();
    waiting.view.resume();
    expect(waiting.seen).toEqual({ text: 'panic!', end: 4001 });
    expect(viewer(serial, { ...NEW, pastOnly: true }).seen).toEqual({ text: 'panic!', end: 1000 });
  });

  test('has the file looked at when much was written', async () => {
    await line();
    const before = trims;
    for (let count = 0; count < 300; count += 1) guestSays('x'.repeat(1024));
    expect(trims).toBe(before + 1);
  });
});
