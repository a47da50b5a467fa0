/**
 * From the definition of a VM to QEMU's arguments; pure.
 *
 * QEMU does not compare the two ends of a migration: a device more on one of them goes unnoticed until the
 * guest meets it. So everything the guest can see comes from the definition alone ({@link guestArguments}), with
 * explicit addresses; what differs between nodes, such as paths and taps, is in {@link nodeArguments}.
 */
import type { VmCdrom, VmDefinition, VmDisk, VmNic } from '../../model/vm.ts';

/** What QEMU finds on this node and the guest never sees. */
export interface NodeSide {
  readonly qmpSocket: string;
  readonly serialSocket: string;
  /** Where QEMU shows the screen of a VM with a graphics card, as RFB. */
  readonly vncSocket: string;
  /** Receives what the guest writes to its serial port; appended to. */
  readonly serialLog: string;
  /** Names of the taps, in the order of the definition's NICs. */
  readonly taps: readonly string[];
  /** Ids of the disks whose file system takes O_DIRECT. */
  readonly directDisks: ReadonlySet<string>;
  /** Whether it waits for a migration, or for saved memory. */
  readonly incoming: boolean;
  /** False: locks on images are those of a copy that is fenced, and no obstacle. */
  readonly lockImages: boolean;
}

/** Slots on the root bus: 1 random numbers, 2 balloon, 3 to 10 NICs, 11 to 25 disks, 26 CD drives, 27 graphics card, 28 pointer. A change breaks migration between versions. */
const FIRST_NIC_SLOT = 3;
export const MAX_NICS = 8;
const FIRST_DISK_SLOT = FIRST_NIC_SLOT + MAX_NICS;
export const MAX_DISKS = 15;
const CDROM_SLOT = FIRST_DISK_SLOT + MAX_DISKS;
const GRAPHICS_SLOT = CDROM_SLOT + 1;
const POINTER_SLOT = GRAPHICS_SLOT + 1;
const MAX_DISK_QUEUES = 4;

/** The whole argument list. */
export function qemuArguments(definition: VmDefinition, node: NodeSide): string[] {
  return [...guestArguments(definition), ...nodeArguments(definition, node)];
}

/** What the guest sees: the same on source and destination. */
export function guestArguments(definition: VmDefinition): string[] {
  const { accelerator, cpus, cpuModel, machineType, name, uuid } = definition;
  // usb, vmport, sata and smbus off: devices no guest of ours needs, and each one is state in the blackout.
  const machine = `${machineType},accel=${accelerator},usb=off,vmport=off,sata=off,smbus=off,dump-guest-core=off`;
  return [
    '-name',
    `guest=${name},debug-threads=on`,
    '-machine',
    machine,
    '-cpu',
    `${cpuModel},enforce`,
    '-smp',
    `cpus=${cpus},maxcpus=${cpus},sockets=1,cores=${cpus},threads=1`,
    '-m',
    `${guestMemoryBytes(definition) / 1024}K`,
    '-uuid',
    uuid,
    '-rtc',
    'base=utc,clock=host',
    ...bootArguments(definition),
    ...device('isa-serial,id=serial0-device,chardev=serial0'),
    ...device(`virtio-rng-pci,id=rng0-device,rng=rng0,${pci(1)}`),
    ...balloonArguments(definition),
    ...definition.nics.flatMap((nic) => device(nicDevice(nic))),
    ...definition.disks.flatMap((disk, index) => device(diskDevice(disk, index, definition))),
    ...cdromArguments(definition),
    ...graphicsArguments(definition),
  ];
}

function bootArguments({ boot }: VmDefinition): string[] {
  if (boot.kind === 'disk') return ['-boot', 'menu=off,strict=on'];
  return ['-kernel', boot.kernel, '-initrd', boot.initrd, '-append', boot.commandLine];
}

/** The guest says which of its memory is free, so that it is not sent (docs/decisions/0012). It says so to a thread of its own. */
function balloonArguments({ freePageHinting }: VmDefinition): string[] {
  if (!freePageHinting) return device(`virtio-balloon-pci,id=balloon0,${pci(2)}`);
  const thread = ['-object', 'iothread,id=balloon0-thread'];
  return [...thread, ...device(`virtio-balloon-pci,id=balloon0,free-page-hint=on,iothread=balloon0-thread,${pci(2)}`)];
}

/**
 * Its memory is sent in rounds, like the guest's, and not in the blackout, as virtio-gpu's pictures are (docs/decisions/0028). The size of its
 * ROM, which differs between builds, is part of the migration, so it is given. The keyboard is the one every PC has.
 */
function graphicsArguments({ graphics }: VmDefinition): string[] {
  if (graphics === undefined) return [];
  return [
    ...device(`VGA,id=graphics0,vgamem_mb=16,romsize=65536,bus=pcie.0,addr=0x${GRAPHICS_SLOT.toString(16)}`),
    ...device(`virtio-tablet-pci,id=pointer0,${pci(POINTER_SLOT)}`),
  ];
}

/** Without an empty `romfile=` the size of the boot ROM, which differs between builds, would be part of the migration. */
function nicDevice(nic: VmNic): string {
  return `virtio-net-pci,id=${nic.id}-device,netdev=${nic.id},mac=${nic.macAddress},romfile=,${pci(FIRST_NIC_SLOT + numberOf(nic.id))}`;
}

/** Block sizes and cache mode are spelled out, because their defaults follow the file and its cache. `share-rw=off` makes the image lock exclusive. */
function diskDevice(disk: VmDisk, index: number, { boot, cpus }: VmDefinition): string {
  const bootIndex = boot.kind === 'disk' && index === 0 ? ',bootindex=1' : '';
  const blocks = 'logical_block_size=512,physical_block_size=512';
  const queues = `num-queues=${Math.min(cpus, MAX_DISK_QUEUES)}`;
  return (
    `virtio-blk-pci,id=${disk.id}-device,drive=${disk.id},${queues},write-cache=on,share-rw=off,` +
    `${blocks},${pci(FIRST_DISK_SLOT + numberOf(disk.id))}${bootIndex}`
  );
}

/** By its id and not by its place in the list: what is left keeps its address when another one is removed. */
function numberOf(id: string): number {
  return Number(/\d+$/.exec(id)?.[0] ?? 0);
}

/** virtio-scsi, because SATA is off and SeaBIOS boots from it. A disk is tried first, so that an installed system boots with the medium still in. */
function cdromArguments({ boot, cdroms = [] }: VmDefinition): string[] {
  if (cdroms.length === 0) return [];
  const controller = device(`virtio-scsi-pci,id=cdroms,num_queues=1,${pci(CDROM_SLOT)}`);
  return [...controller, ...cdroms.flatMap((cdrom) => device(cdromDevice(cdrom, boot.kind === 'disk')))];
}

function cdromDevice({ id }: VmCdrom, boots: boolean): string {
  const bootIndex = boots && id === 'cd0' ? ',bootindex=2' : '';
  return `scsi-cd,id=${id}-device,bus=cdroms.0,scsi-id=${id === 'seed' ? 1 : 0},drive=${id}${bootIndex}`;
}

function pci(slot: number): string {
  return `bus=pcie.0,addr=0x${slot.toString(16).padStart(2, '0')},disable-legacy=on`;
}

function device(text: string): string[] {
  return ['-device', text];
}

/** What only this node and this run are about. */
export function nodeArguments(definition: VmDefinition, node: NodeSide): string[] {
  return [
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-only-migratable',
    '-sandbox',
    'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
    '-overcommit',
    'mem-lock=off',
    '-msg',
    'timestamp=on',
    // A guest that powers itself off leaves a paused QEMU, which an agent that was away can still read.
    '-action',
    'shutdown=pause',
    // The guest never runs before the agent says so.
    '-S',
    '-chardev',
    `socket,id=qmp0,path=${optionValue(node.qmpSocket)},server=on,wait=off`,
    '-mon',
    'chardev=qmp0,mode=control',
    '-chardev',
    `socket,id=serial0,path=${optionValue(node.serialSocket)},server=on,wait=off,` +
      `logfile=${optionValue(node.serialLog)},logappend=on`,
    '-object',
    'rng-builtin,id=rng0',
    ...screenArguments(definition, node),
    ...definition.nics.flatMap((nic, index) => ['-netdev', netdev(nic, node.taps[index])]),
    ...definition.disks.flatMap((disk) => [
      '-blockdev',
      blockdev(disk, { direct: node.directDisks.has(disk.id), lock: node.lockImages }),
    ]),
    ...(definition.cdroms ?? []).flatMap((cdrom) => ['-blockdev', cdromBlockdev(cdrom, node.lockImages)]),
    ...(node.incoming ? ['-incoming', 'defer'] : []),
  ];
}

/** No password: who may enter the socket's directory may see the screen. Whoever looks does not throw out those who look already. */
function screenArguments({ graphics }: VmDefinition, { vncSocket }: NodeSide): string[] {
  return graphics === undefined ? [] : ['-vnc', `unix:${optionValue(vncSocket)},share=force-shared`];
}

function netdev(nic: VmNic, tap: string | undefined): string {
  if (tap === undefined) throw new Error(`There is no tap for ${nic.id}.`);
  return `tap,id=${nic.id},ifname=${optionValue(tap)},script=no,downscript=no,vhost=off`;
}

function blockdev(disk: VmDisk, { direct, lock }: { readonly direct: boolean; readonly lock: boolean }): string {
  // Direct, because pages cached on one node would be stale once the other has written.
  const cache = { direct, 'no-flush': false };
  return JSON.stringify({
    driver: disk.format,
    'node-name': disk.id,
    cache,
    discard: 'unmap',
    file: {
      driver: 'file',
      'node-name': `${disk.id}-file`,
      filename: disk.path,
      cache,
      discard: 'unmap',
      locking: lock ? 'on' : 'off',
      aio: 'threads',
    },
  });
}

/** Read-only, so any number of VMs on any nodes can have the same medium. */
function cdromBlockdev({ id, path }: VmCdrom, lock: boolean): string {
  const locking = lock ? 'on' : 'off';
  const file = { driver: 'file', 'node-name': `${id}-file`, filename: path, 'read-only': true, locking };
  return JSON.stringify({ driver: 'raw', 'node-name': id, 'read-only': true, file: { ...file, aio: 'threads' } });
}

/** A comma ends a value in QEMU's option lists; doubled, it is part of it. */
function optionValue(text: string): string {
  return text.replaceAll(',', ',,');
}

/**
 * Size of the memory the guest is started with; a multiple of 1 KiB.
 *
 * Before 9.0 QEMU's fast path for reading the dirty bitmap of memory, taken for a size that is a multiple of 256 KiB, forgets
 * to tell TCG's address translation about the bits it clears. Later writes of the guest go unnoticed then, and the destination
 * gets old pages (docs/decisions/0011). 8 KiB more, the smallest step of `-m`, make QEMU take the path that is right.
 */
export function guestMemoryBytes({ accelerator, memoryBytes }: VmDefinition): number {
  return (Math.round(memoryBytes / 1024) + (accelerator === 'tcg' ? 8 : 0)) * 1024;
}
