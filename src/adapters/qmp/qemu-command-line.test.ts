import { describe, expect, test } from 'vitest';
import type { VmDefinition } from '../../model/vm.ts';
import { guestArguments, type NodeSide, qemuArguments } from './qemu-command-line.ts';

const definition: VmDefinition = {
  name: 'WebServer',
  uuid: '6b2f1f6e-7e0a-4b53-9b4a-1d4f6f9f3c11',
  memoryBytes: 256 * 1024 * 1024,
  cpus: 2,
  machineType: 'pc-q35-7.2',
  cpuModel: 'Nehalem-v1',
  accelerator: 'tcg',
  freePageHinting: false,
  boot: { kind: 'kernel', kernel: '/images/vmlinuz', initrd: '/images/initrd', commandLine: 'console=ttyS0 quiet' },
  disks: [{ id: 'disk0', path: '/volumes/one/web,server.qcow2', format: 'qcow2', sizeBytes: 1 }],
  nics: [{ id: 'nic0', macAddress: '52:54:00:00:00:01', switchName: 'lan', address: null }],
};

const source: NodeSide = {
  qmpSocket: '/run/godwit/vms/a/qmp.sock',
  serialSocket: '/run/godwit/vms/a/serial.sock',
  vncSocket: '/run/godwit/vms/a/vnc.sock',
  serialLog: '/var/log/godwit/serial-WebServer.log',
  taps: ['gwa-0'],
  directDisks: new Set(['disk0']),
  incoming: false,
  lockImages: true,
};

const destination: NodeSide = {
  qmpSocket: '/run/godwit/vms/b/qmp.sock',
  serialSocket: '/run/godwit/vms/b/serial.sock',
  vncSocket: '/run/godwit/vms/b/vnc.sock',
  serialLog: '/srv/log/serial-WebServer.log',
  taps: ['gwb-0'],
  directDisks: new Set(),
  incoming: true,
  lockImages: true,
};

/** One line per option, as in a shell script. */
function readable(args: readonly string[]): string {
  return args.reduce((text, argument) => text + (argument.startsWith('-') ? '\n' : ' ') + argument, '').trim();
}

describe('qemuArguments', () => {
  test('locks images, unless the lock is that of a fenced copy', () => {
    expect(readable(qemuArguments(definition, source))).toContain('"locking":"on"');
    expect(readable(qemuArguments(definition, { ...source, lockImages: false }))).toContain('"locking":"off"');
  });

  test('spells out the whole machine', () => {
    expect(readable(qemuArguments(definition, source))).toMatchInlineSnapshot(`
      "-name guest=WebServer,debug-threads=on
      -machine pc-q35-7.2,accel=tcg,usb=off,vmport=off,sata=off,smbus=off,dump-guest-core=off
      -cpu Nehalem-v1,enforce
      -smp cpus=2,maxcpus=2,sockets=1,cores=2,threads=1
      -m 262152K
      -uuid 6b2f1f6e-7e0a-4b53-9b4a-1d4f6f9f3c11
      -rtc base=utc,clock=host
      -kernel /images/vmlinuz
      -initrd /images/initrd
      -append console=ttyS0 quiet
      -device isa-serial,id=serial0-device,chardev=serial0
      -device virtio-rng-pci,id=rng0-device,rng=rng0,bus=pcie.0,addr=0x01,disable-legacy=on
      -device virtio-balloon-pci,id=balloon0,bus=pcie.0,addr=0x02,disable-legacy=on
      -device virtio-net-pci,id=nic0-device,netdev=nic0,mac=52:54:00:00:00:01,romfile=,bus=pcie.0,addr=0x03,disable-legacy=on
      -device virtio-blk-pci,id=disk0-device,drive=disk0,num-queues=2,write-cache=on,share-rw=off,logical_block_size=512,physical_block_size=512,bus=pcie.0,addr=0x0b,disable-legacy=on
      -nodefaults
      -no-user-config
      -display none
      -only-migratable
      -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
      -overcommit mem-lock=off
      -msg timestamp=on
      -action shutdown=pause
      -S
      -chardev socket,id=qmp0,path=/run/godwit/vms/a/qmp.sock,server=on,wait=off
      -mon chardev=qmp0,mode=control
      -chardev socket,id=serial0,path=/run/godwit/vms/a/serial.sock,server=on,wait=off,logfile=/var/log/godwit/serial-WebServer.log,logappend=on
      -object rng-builtin,id=rng0
      -netdev tap,id=nic0,ifname=gwa-0,script=no,downscript=no,vhost=off
      -blockdev {"driver":"qcow2","node-name":"disk0","cache":{"direct":true,"no-flush":false},"discard":"unmap","file":{"driver":"file","node-name":"disk0-file","filename":"/volumes/one/web,server.qcow2","cache":{"direct":true,"no-flush":false},"discard":"unmap","locking":"on","aio":"threads"}}"
    `);
  });

  test('gives the guest the same machine on source and destination', () => {
    const common = guestArguments(definition);
    expect(qemuArguments(definition, source).slice(0, common.length)).toEqual(common);
    expect(qemuArguments(definition, destination).slice(0, common.length)).toEqual(common);
    const devices = (node: NodeSide) =>
      qemuArguments(definition, node).filter((_argument, index, all) => all[index - 1] === '-device');
    expect(devices(destination)).toEqual(devices(source));
  });

  test('lets the guest say which memory is free only where that was asked for', () => {
    const { freePageHinting: _, ...older } = definition;
    expect(guestArguments(older as VmDefinition)).toEqual(guestArguments(definition));
    const args = guestArguments({ ...definition, freePageHinting: true });
    expect(args).toContain('iothread,id=balloon0-thread');
    expect(args.find((argument) => argument.startsWith('virtio-balloon'))).toBe(
      'virtio-balloon-pci,id=balloon0,free-page-hint=on,iothread=balloon0-thread,bus=pcie.0,addr=0x02,disable-legacy=on',
    );
  });

  test('gives a graphics card with a screen that only a socket leads to, to those that are to have one', () => {
    expect(readable(qemuArguments(definition, source))).not.toMatch(/VGA|tablet|vnc/);
    const added = (node: NodeSide) => {
      const before = new Set(qemuArguments(definition, node));
      return qemuArguments({ ...definition, graphics: 'vga' }, node).filter((argument) => !before.has(argument));
    };
    expect(added({ ...source, vncSocket: '/run/godwit/a,b/vnc.sock' })).toEqual([
      'VGA,id=graphics0,vgamem_mb=16,romsize=65536,bus=pcie.0,addr=0x1b',
      'virtio-tablet-pci,id=pointer0,bus=pcie.0,addr=0x1c,disable-legacy=on',
      '-vnc',
      'unix:/run/godwit/a,,b/vnc.sock,share=force-shared',
    ]);
    expect(added(destination)).toContain('unix:/run/godwit/vms/b/vnc.sock,share=force-shared');
  });

  test('always starts paused, and waits for a migration only on the destination', () => {
    expect(qemuArguments(definition, source)).toContain('-S');
    expect(qemuArguments(definition, source)).not.toContain('-incoming');
    expect(readable(qemuArguments(definition, destination))).toMatch(/^-S$[^]*^-incoming defer$/m);
  });

  test('keeps the address of a device when others are added before it in kind', () => {
    const more = { ...definition, nics: definition.nics.flatMap((nic) => [nic, { ...nic, id: 'nic1' }]) };
    const disk = (args: readonly string[]) => args.find((argument) => argument.startsWith('virtio-blk'));
    expect(disk(guestArguments(more))).toBe(disk(guestArguments(definition)));
  });

  test('boots from the first disk when there is no kernel', () => {
    const args = guestArguments({ ...definition, boot: { kind: 'disk' } });
    expect(args).not.toContain('-kernel');
    expect(args.filter((argument) => argument.includes('bootindex=1'))).toHaveLength(1);
  });

  test('refuses a NIC without a tap', () => {
    expect(() => qemuArguments(definition, { ...source, taps: [] })).toThrow('no tap for nic0');
  });

  test('what is left keeps its place in the machine when another disk or NIC is removed', () => {
    const disk = definition.disks[0];
    const nic = definition.nics[0];
    if (disk === undefined || nic === undefined) throw new Error('The definition has none.');
    const left = { ...definition, disks: [{ ...disk, id: 'disk2' }], nics: [{ ...nic, id: 'nic1' }] };
    expect(readable(guestArguments(left))).toMatch(/nic1-device,.*addr=0x04,/);
    expect(readable(guestArguments(left))).toMatch(/disk2-device,.*addr=0x0d,/);
  });

  test('has CD drives at a place of their own: read-only, tried after the disk, the seed never', () => {
    const cdroms = [
      { id: 'cd0', path: '/volumes/one/images/debian.iso' },
      { id: 'seed', path: '/volumes/one/vms/a/seed.iso' },
    ] as const;
    const withDrives: VmDefinition = { ...definition, boot: { kind: 'disk' }, cdroms };
    const lines = readable(qemuArguments(withDrives, source)).split('\n');
    expect(lines.filter((line) => line.includes('cdroms') || line.includes('bootindex'))).toEqual([
      expect.stringMatching(/^-device virtio-blk-pci,id=disk0-device,.*,bootindex=1$/),
      '-device virtio-scsi-pci,id=cdroms,num_queues=1,bus=pcie.0,addr=0x1a,disable-legacy=on',
      '-device scsi-cd,id=cd0-device,bus=cdroms.0,scsi-id=0,drive=cd0,bootindex=2',
      '-device scsi-cd,id=seed-device,bus=cdroms.0,scsi-id=1,drive=seed',
    ]);
    const nodes = lines.filter((line) => line.startsWith('-blockdev') && line.includes('.iso'));
    expect(nodes).toHaveLength(2);
    for (const node of nodes) expect(node.match(/"read-only":true/g)).toHaveLength(2);
  });
});
