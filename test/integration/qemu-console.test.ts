import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createConsoleSockets } from '../../src/adapters/qmp/console-sockets.ts';
import { randomIds } from '../../src/adapters/system/random-ids.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { createInstanceRegistry } from '../../src/agent/instance-registry.ts';
import { LocalConsoles } from '../../src/agent/local-consoles.ts';
import type { ConsoleKind, ConsolePosition } from '../../src/model/console.ts';
import type { VmDefinition } from '../../src/model/vm.ts';
import type { Instance } from '../../src/ports/hypervisor.ts';
import { silentLog } from './peer-link-fixture.ts';
import { directory, node, start, useNodes } from './qemu-fixture.ts';

useNodes();

/** Boot sector: prints "G" on the first serial port, then sends back whatever it receives there. */
const ECHO = [0xba, 0xf8, 0x03, 0xb0, 0x47, 0xee, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xfb, 0xba, 0xf8, 0x03]
  // The rest of the loop.
  .concat([0xec, 0xee, 0xeb, 0xf1]);

function echoDisk(): VmDefinition['disks'] {
  const sector = Buffer.alloc(512);
  Buffer.from(ECHO).copy(sector);
  sector.writeUInt16LE(0xaa55, 510);
  const [raw, path] = [join(directory, 'echo.raw'), join(directory, 'echo.qcow2')];
  if (!existsSync(path)) {
    writeFileSync(raw, Buffer.concat([sector, Buffer.alloc(1024 * 1024 - 512)]));
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, path]);
  }
  return [{ id: 'disk0', path, format: 'qcow2', sizeBytes: 1024 * 1024 }];
}

const directories = { runtimeDirectory: join(directory, 'node1'), logDirectory: join(directory, 'node1-log') };

/** As a new agent has them. */
function consolesOf(instance: Instance): LocalConsoles {
  const [instances, sockets] = [createInstanceRegistry(), createConsoleSockets(directories)];
  const consoles = new LocalConsoles({ instances, sockets, ids: randomIds, clock: systemClock, log: silentLog });
  instances.add(instance);
  return consoles;
}

function open(consoles: LocalConsoles, kind: ConsoleKind) {
  const stream = consoles.open({ kind, vm: 'WebServer', backlogBytes: 65_536, after: null });
  const seen = { position: null as ConsolePosition | null, text: '', end: null as number | null };
  stream.listen({
    data: (bytes) => {
      const text = Buffer.from(bytes).toString();
      if (seen.position === null) seen.position = JSON.parse(text) as ConsolePosition;
      else seen.text += text;
    },
    drained: () => undefined,
    ended: ({ code }) => {
      seen.end = code;
    },
  });
  return { stream, seen };
}

describe('the consoles of a QEMU', () => {
  test('serial: all viewers see what the guest writes, and each may type; the past outlives the agent', async () => {
    const instance = await start(node('node1'), false, { disks: echoDisk() });
    const consoles = consolesOf(instance);
    const one = open(consoles, 'serial');
    await instance.resume();
    await expect.poll(() => one.seen.text, { timeout: 20_000 }).toBe('G');
    const other = open(consoles, 'serial');
    await expect.poll(() => other.seen.text).toBe('G');
    one.stream.write(Buffer.from('ab'));
    await expect.poll(() => other.seen.text).toBe('Gab');
    other.stream.write(Buffer.from('c'));
    await expect.poll(() => one.seen.text).toBe('Gabc');
    expect(readFileSync(join(directories.logDirectory, 'serial-WebServer.log'), 'utf8')).toBe('Gabc');

    const third = open(consolesOf(instance), 'serial');
    await expect.poll(() => third.seen.text).toBe('Gabc');
    await instance.kill();
    await expect.poll(() => [one.seen.end, other.seen.end]).toEqual([4001, 4001]);
  });

  test('graphical: several viewers at once, on a socket that is for the agent only', async () => {
    const instance = await start(node('node1'), false, { graphics: 'vga' });
    const consoles = consolesOf(instance);
    const viewers = [open(consoles, 'vnc'), open(consoles, 'vnc')];
    for (const { seen } of viewers) await expect.poll(() => seen.text).toBe('RFB 003.008\n');
    expect(viewers[0]?.seen.position?.instance).toBe(instance.id);
    const vms = join(directories.runtimeDirectory, 'vms', instance.id);
    expect(statSync(vms).mode & 0o007).toBe(0);
    expect(statSync(join(vms, 'vnc.sock')).isSocket()).toBe(true);
    await instance.kill();
    await expect.poll(() => viewers.map(({ seen }) => seen.end)).toEqual([1006, 1006]);
  });

  test('there is no graphical one without a graphics card, and none at all of a VM that is elsewhere', async () => {
    const instance = await start(node('node1'), false);
    const consoles = consolesOf(instance);
    const screen = open(consoles, 'vnc');
    await expect.poll(() => screen.seen.end).toBe(4001);
    const elsewhere = consoles.open({ kind: 'serial', vm: 'Other', backlogBytes: 0, after: null });
    let end: number | null = null;
    elsewhere.listen({
      data: () => undefined,
      drained: () => undefined,
      ended: ({ code }) => {
        end = code;
      },
    });
    await expect.poll(() => end).toBe(4001);
  });
});
