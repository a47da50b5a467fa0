import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createLinuxNetwork } from '../../src/adapters/linux-network/linux-network.ts';
import type { VmNic } from '../../src/model/vm.ts';
import type { Log } from '../../src/ports/log.ts';

const NETNS = `godwit-test-net-${process.pid}`;
const QEMU_USER = { uid: 64_077, gid: 64_077 };
const run = promisify(execFile);
const warnings: string[] = [];
const log: Log = { debug() {}, info() {}, warn: (message) => warnings.push(message), error() {} };

const inNamespace = (...args: string[]) => execFileSync('ip', ['-netns', NETNS, ...args], { encoding: 'utf8' });
const nic = (index: number, switchName = 'lan'): VmNic => ({
  id: `nic${index}`,
  macAddress: `52:54:00:00:00:0${index}`,
  switchName,
  address: null,
});

const network = createLinuxNetwork({
  switches: [
    { name: 'lan', bridge: 'br0' },
    { name: 'jumbo', bridge: 'br1' },
    { name: 'gone', bridge: 'br9' },
    { name: 'no-bridge', bridge: 'veth0' },
  ],
  qemuUser: QEMU_USER,
  log,
  netns: NETNS,
});

interface Device {
  readonly ifname: string;
  readonly mtu: number;
  readonly master?: string;
  readonly flags: readonly string[];
  readonly address: string;
  readonly inet6_addr_gen_mode?: string;
  readonly linkinfo?: { readonly info_data?: Record<string, unknown> };
}

const device = (name: string): Device => {
  const [entry] = JSON.parse(inNamespace('-json', '-details', 'link', 'show', 'dev', name)) as Device[];
  if (entry === undefined) throw new Error(`no device ${name}`);
  return entry;
};

beforeAll(() => {
  execFileSync('ip', ['netns', 'add', NETNS]);
  inNamespace('link', 'add', 'br0', 'type', 'bridge');
  inNamespace('link', 'set', 'br0', 'up');
  inNamespace('link', 'add', 'br1', 'type', 'bridge', 'stp_state', '1');
  inNamespace('link', 'add', 'veth0', 'mtu', '9000', 'type', 'veth', 'peer', 'name', 'veth1');
  inNamespace('link', 'set', 'veth0', 'master', 'br1');
  inNamespace('link', 'set', 'br1', 'mtu', '9000', 'up');
});
afterAll(() => {
  execFileSync('ip', ['netns', 'del', NETNS]);
});
afterEach(async () => {
  for (const tap of await network.plugged()) await network.removeTap(tap);
});

describe('plug', () => {
  test('makes taps that belong to QEMU, are silent, up and plugged into their bridges', async () => {
    const taps = await network.plug('i1', [nic(1), nic(2, 'jumbo')]);
    expect(taps).toEqual([network.tapName('i1', 0), network.tapName('i1', 1)]);
    const first = device(taps[0] ?? '');
    expect(first).toMatchObject({
      master: 'br0',
      mtu: 1500,
      address: 'fe:54:00:00:00:01',
      inet6_addr_gen_mode: 'none',
    });
    expect(first.flags).toContain('UP');
    expect(first.linkinfo?.info_data).toMatchObject({
      type: 'tap',
      vnet_hdr: true,
      persist: true,
      user: QEMU_USER.uid,
    });
    expect(device(taps[1] ?? '')).toMatchObject({ master: 'br1', mtu: 9000 });
    expect(device('br1').mtu).toBe(9000);
    expect(warnings).toContain('The bridge runs STP: a tap forwards nothing at first');
  });

  test('does not change the address of the bridge, which is that of the node', async () => {
    const before = device('br1').address;
    await network.plug('i1', [nic(1, 'jumbo')]);
    expect(device('br1').address).toBe(before);
  });

  test('twice is as good as once', async () => {
    const taps = await network.plug('i1', [nic(1)]);
    expect(await network.plug('i1', [nic(1)])).toEqual(taps);
    expect(await network.plugged()).toEqual(taps);
  });

  test('refuses an unknown switch, a missing bridge and a malformed address before it makes anything', async () => {
    await expect(network.plug('i1', [nic(1), nic(2, 'wan')])).rejects.toThrow(/no virtual switch "wan"/);
    await expect(network.plug('i1', [nic(1), nic(2, 'gone')])).rejects.toMatchObject({ code: 'REQUIREMENT_MISSING' });
    await expect(network.plug('i1', [nic(1), nic(2, 'no-bridge')])).rejects.toMatchObject({
      code: 'REQUIREMENT_MISSING',
    });
    const malformed = { ...nic(2), macAddress: '52:54:00:00:00:01\nlink delete dev br0' };
    await expect(network.plug('i1', [nic(1), malformed])).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(await network.plugged()).toEqual([]);
  });

  test('removes what it made when it fails half-way', async () => {
    // Something else that has the name of the second tap.
    const blocked = network.tapName('i1', 1);
    inNamespace('link', 'add', blocked, 'type', 'veth', 'peer', 'name', 'veth2');
    await expect(network.plug('i1', [nic(1), nic(2)])).rejects.toMatchObject({ code: 'NETWORK_FAILED' });
    expect(await network.plugged()).toEqual([]);
    inNamespace('link', 'delete', blocked);
  });
});

describe('unplug', () => {
  test('removes the taps of the instance, no others, and does not mind that they are gone', async () => {
    await network.plug('i1', [nic(1), nic(2)]);
    const others = await network.plug('i2', [nic(3)]);
    await network.unplug('i1', [nic(1), nic(2)]);
    expect(await network.plugged()).toEqual(others);
    await network.unplug('i1', [nic(1), nic(2)]);
  });

  test('leaves nothing behind when two remove at once', async () => {
    await network.plug('i1', [nic(1), nic(2)]);
    await Promise.all([network.unplug('i1', [nic(1), nic(2)]), network.unplug('i1', [nic(1), nic(2)])]);
    expect(await network.plugged()).toEqual([]);
  });
});

describe('removeTap', () => {
  test('refuses a device that is not ours', async () => {
    await expect(network.removeTap('br0')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(device('br0').ifname).toBe('br0');
  });
});

describe('QEMU', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'godwit-tun-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  /** Starts QEMU on the tap as the unprivileged user; resolves with its exit status and output. */
  async function openTap(tap: string, uid: number): Promise<{ status: number | null; output: string }> {
    // The machine's own /dev/net/tun may be closed to others than root; `ip netns exec` gives a mount view of
    // its own, so it is covered by an open one there.
    const script =
      'mknod "$0/tun" c 10 200 2>/dev/null; chmod 666 "$0/tun"; mount --bind "$0/tun" /dev/net/tun; exec "$@"';
    const qemu = [
      ...['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'qemu-system-x86_64', '-S', '-nodefaults'],
      ...['-display', 'none', '-machine', 'q35', '-m', '32', '-qmp', 'stdio'],
      ...['-netdev', `tap,id=nic0,ifname=${tap},script=no,downscript=no,vhost=off`],
      ...['-device', 'virtio-net-pci,netdev=nic0,romfile='],
    ];
    const child = spawn('ip', ['netns', 'exec', NETNS, 'sh', '-c', script, directory, ...qemu]);
    let output = '';
    child.stdout.on('data', (text) => (output += String(text)));
    child.stderr.on('data', (text) => (output += String(text)));
    child.stdin.on('error', () => {});
    child.stdin.end('{"execute":"qmp_capabilities"}{"execute":"query-status"}{"execute":"quit"}');
    const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { status, output };
  }

  test('opens the tap as its unprivileged user, and again after an earlier QEMU', async () => {
    const [tap = ''] = await network.plug('i1', [nic(1)]);
    for (let count = 0; count < 2; count += 1) {
      const { status, output } = await openTap(tap, QEMU_USER.uid);
      expect(output).toContain('"status": "prelaunch"');
      expect(status).toBe(0);
    }
    expect(await network.plugged()).toEqual([tap]);
  });

  test('of another user cannot open it', async () => {
    const [tap = ''] = await network.plug('i1', [nic(1)]);
    const { status, output } = await openTap(tap, QEMU_USER.uid + 1);
    expect(output).toContain('Operation not permitted');
    expect(status).toBe(1);
  });
});

test('plug and unplug take a few milliseconds (printed, not asserted)', async () => {
  const startedMs = performance.now();
  await network.plug('i1', [nic(1), nic(2)]);
  const pluggedMs = performance.now();
  await network.unplug('i1', [nic(1), nic(2)]);
  const unpluggedMs = performance.now();
  const { stdout } = await run('ip', ['-netns', NETNS, 'link', 'show', 'type', 'tun']);
  expect(stdout).toBe('');
  const plugMs = (pluggedMs - startedMs).toFixed(1);
  console.log(`two taps: plugged in ${plugMs} ms, unplugged in ${(unpluggedMs - pluggedMs).toFixed(1)} ms`);
});
