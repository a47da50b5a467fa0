import { beforeEach, describe, expect, test } from 'vitest';
import { testIntent, vmEntries } from '../../test/doubles/cluster-facts.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../test/doubles/memory-store.ts';
import { MemoryStream } from '../../test/doubles/memory-stream.ts';
import { CONSOLE_CLOSE, type ConsoleKind, type ConsolePosition, type ConsoleRequest } from '../model/console.ts';
import { keys } from '../model/keys.ts';
import type { NodeName } from '../model/names.ts';
import type { VmRecord, VmStatus } from '../model/vm.ts';
import { watchCluster } from './cluster-view.ts';
import { ConsoleSession } from './console-session.ts';

interface Asked {
  readonly node: NodeName;
  readonly request: ConsoleRequest;
  readonly far: MemoryStream;
}

let clock: ManualClock;
let store: MemoryStore;
let asked: Asked[];
/** What every further node answers at once; null: nothing. */
let answer: ConsolePosition | null;

beforeEach(() => {
  [clock, store, asked, answer] = [new ManualClock(), new MemoryStore(), [], at('i1')];
});

function at(instance: string): ConsolePosition {
  return { instance, line: `line of ${instance}`, bytes: 100 };
}

async function put(values: Record<string, unknown>): Promise<void> {
  store.put(values);
  await Promise.resolve();
}

const record = (changes: Partial<VmRecord> = {}): VmRecord => {
  const plain = vmEntries('WebServer', 'running')[keys.vmRecord('WebServer')] as VmRecord;
  return { ...plain, definition: { ...plain.definition, graphics: 'vga' }, ...changes };
};

function runningOn(node: NodeName, instance: string): Record<string, unknown> {
  const entries = vmEntries('WebServer', 'running');
  const status = entries[keys.vmStatus('WebServer')] as VmStatus;
  return {
    ...{ ...entries, [keys.vmRecord('WebServer')]: record(), [keys.vmOwner('WebServer')]: { node } },
    [keys.vmStatus('WebServer')]: { ...status, node, instance },
  };
}

const off = () => ({ ...vmEntries('WebServer', 'off'), [keys.vmRecord('WebServer')]: record({ desired: 'off' }) });

async function open(kind: ConsoleKind): Promise<MemoryStream> {
  const view = watchCluster(store, clock);
  await view.ready();
  const [viewer, browser] = MemoryStream.pair();
  new ConsoleSession({ kind, vm: 'WebServer', backlogBytes: 10, after: null }, viewer, {
    view,
    clock,
    open(node, request) {
      const [near, far] = MemoryStream.pair();
      asked.push({ node, request, far });
      if (answer !== null) far.write(Buffer.from(JSON.stringify(answer)));
      return near;
    },
  });
  return browser;
}

const guestSays = (text: string, by = asked.at(-1)) => by?.far.write(Buffer.from(text));

describe('a console', () => {
  test('passes on what the guest says and what is typed', async () => {
    await put(runningOn('node2', 'i1'));
    const browser = await open('serial');
    expect(asked[0]).toMatchObject({ node: 'node2', request: { kind: 'serial', backlogBytes: 10, after: null } });
    guestSays('login: ');
    browser.write(Buffer.from('root'));
    expect([browser.received, asked[0]?.far.received]).toEqual(['login: ', 'root']);
    browser.close({ code: 1000, reason: '' });
    expect(asked[0]?.far.end?.code).toBe(1000);
  });

  test('stays open while its VM moves, and goes on where it was', async () => {
    await put(runningOn('node1', 'i1'));
    const browser = await open('serial');
    guestSays('source');
    answer = at('i2');
    await put(runningOn('node2', 'i2'));
    guestSays(' too late', asked[0]);
    guestSays(' destination');
    expect(asked.map(({ node }) => node)).toEqual(['node1', 'node2']);
    expect(asked[1]?.request.after).toEqual({ ...at('i1'), bytes: 106 });
    expect(browser.received).toBe('source destination');
    expect([browser.end, asked[0]?.far.end?.code]).toEqual([null, 1000]);
  });

  test('hands on later what is typed while nobody can take it', async () => {
    await put(runningOn('node1', 'i1'));
    answer = null;
    const browser = await open('serial');
    browser.write(Buffer.from('ls'));
    asked[0]?.far.write(Buffer.from(JSON.stringify(at('i1'))));
    expect(asked[0]?.far.received).toBe('ls');
  });

  test('is shown again after the connection between the nodes broke', async () => {
    await put(runningOn('node2', 'i1'));
    const browser = await open('serial');
    guestSays('abc');
    asked[0]?.far.close({ code: 1006, reason: 'no answer to 2 pings' });
    clock.advance(300);
    expect(asked[1]?.request.after).toEqual({ ...at('i1'), bytes: 103 });
    guestSays('def');
    expect([browser.received, browser.end]).toEqual(['abcdef', null]);
  });

  test('ends when its node does not answer for long, and not before', async () => {
    await put(runningOn('node2', 'i1'));
    answer = null;
    const browser = await open('vnc');
    clock.advance(14_000);
    expect(browser.end).toBeNull();
    clock.advance(10_000);
    expect(browser.end?.code).toBe(CONSOLE_CLOSE.unreachable);
    expect(asked.length).toBeGreaterThan(2);
  });

  test('waits for a VM that starts', async () => {
    const request = { id: 'r1', action: 'start', at: '2026-01-01T00:00:00.000Z' } as const;
    await put({ ...off(), [keys.vmRecord('WebServer')]: record({ desired: 'off', request }) });
    const browser = await open('vnc');
    clock.advance(60_000);
    expect([asked, browser.end]).toEqual([[], null]);
    await put(runningOn('node1', 'i1'));
    guestSays('RFB 003.008\n');
    expect(browser.received).toBe('RFB 003.008\n');
  });

  test('ends when the VM is turned off, deleted, or was never there', async () => {
    await put(runningOn('node1', 'i1'));
    const browser = await open('serial');
    await put(off());
    expect(browser.end).toMatchObject({ code: CONSOLE_CLOSE.off, reason: 'WebServer is off.' });
    expect((await open('serial')).end?.code).toBe(CONSOLE_CLOSE.off);
    store = new MemoryStore();
    expect((await open('serial')).end?.code).toBe(CONSOLE_CLOSE.notFound);
  });
});

describe('a graphical console', () => {
  test('is refused without a graphics card', async () => {
    await put(vmEntries('WebServer', 'running'));
    expect((await open('vnc')).end?.code).toBe(CONSOLE_CLOSE.noGraphics);
    expect((await open('serial')).end).toBeNull();
  });

  test('stays open during a migration, and says that the VM has moved when it has', async () => {
    await put(runningOn('node1', 'i1'));
    const browser = await open('vnc');
    await put({ [keys.vmIntent('WebServer')]: testIntent('WebServer') });
    clock.advance(5000);
    expect(browser.end).toBeNull();
    // The source's QEMU ends first; the store says a moment later what has become of the VM.
    asked[0]?.far.close({ code: CONSOLE_CLOSE.moved, reason: 'gone' });
    clock.advance(600);
    expect(browser.end).toBeNull();
    await put(runningOn('node2', 'i2'));
    expect(browser.end?.code).toBe(CONSOLE_CLOSE.moved);
    expect(asked).toHaveLength(1);
  });

  test('says that the VM is off where that is why it ended', async () => {
    await put(runningOn('node1', 'i1'));
    const browser = await open('vnc');
    asked[0]?.far.close({ code: CONSOLE_CLOSE.moved, reason: 'gone' });
    clock.advance(500);
    await put(off());
    expect(browser.end?.code).toBe(CONSOLE_CLOSE.off);
  });

  test('asks to connect again where nothing explains its end', async () => {
    await put(runningOn('node1', 'i1'));
    const browser = await open('vnc');
    asked[0]?.far.close({ code: 1006, reason: 'broken' });
    clock.advance(2500);
    expect(browser.end?.code).toBe(CONSOLE_CLOSE.moved);
  });
});
