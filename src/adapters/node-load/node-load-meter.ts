import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { NodeLoadSample } from '../../model/load.ts';
import type { NodeLoadMeter, VmProcess } from '../../ports/node-load.ts';
import {
  parseCpuLimit,
  parseCpuTimes,
  parseDevices,
  parseField,
  parseMemory,
  parseProcessTicks,
} from './proc-files.ts';

/** USER_HZ is 100 on every Linux that QEMU runs guests on; pages of x86 have 4 KiB. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;
/** Mounted by systemd; a container has its own part of it there. */
const CONTROL_GROUP = '/sys/fs/cgroup';

/** Counters at one moment. */
interface Reading {
  readonly atMs: number;
  /** CPU time that was used and that there was, in any one unit. */
  readonly cpuUsed: number;
  readonly cpuThere: number;
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export function createNodeLoadMeter(): NodeLoadMeter {
  let before: Reading | null = null;
  let ticksBefore = new Map<number, { readonly ticks: number; readonly atMs: number }>();
  return {
    async sampleNode(wallMs) {
      const now = await read();
      const sample = before === null || now === null ? null : compare(before, now, wallMs);
      before = now;
      return sample;
    },
    async sampleVms(processes) {
      const ticks = new Map<number, { readonly ticks: number; readonly atMs: number }>();
      const percents: Record<string, number> = {};
      for (const { vm, pid, cpus } of processes) {
        const now = parseProcessTicks(await textOf(`/proc/${pid}/stat`));
        if (now === null) continue;
        const atMs = performance.now();
        const known = ticksBefore.get(pid);
        ticks.set(pid, { ticks: now, atMs });
        if (known !== undefined) percents[vm] = percentOf({ now, atMs, known, cpus });
      }
      ticksBefore = ticks;
      return percents;
    },
  };
}

function percentOf(change: {
  readonly now: number;
  readonly atMs: number;
  readonly known: { readonly ticks: number; readonly atMs: number };
  readonly cpus: VmProcess['cpus'];
}): number {
  const usedMs = ((change.now - change.known.ticks) * 1000) / TICKS_PER_SECOND;
  return Math.round((usedMs / Math.max(1, change.atMs - change.known.atMs) / change.cpus) * 1000) / 10;
}

function compare(before: Reading, now: Reading, wallMs: number): NodeLoadSample {
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000);
  const there = Math.max(1, now.cpuThere - before.cpuThere);
  const perSecond = (from: number, to: number) => Math.max(0, (to - from) / seconds);
  return {
    atMs: wallMs,
    cpuPercent: Math.min(100, Math.max(0, ((now.cpuUsed - before.cpuUsed) / there) * 100)),
    memoryUsedBytes: now.memoryUsedBytes,
    memoryTotalBytes: now.memoryTotalBytes,
    receivedBytesPerSecond: perSecond(before.receivedBytes, now.receivedBytes),
    sentBytesPerSecond: perSecond(before.sentBytes, now.sentBytes),
  };
}

async function read(): Promise<Reading | null> {
  const [cpu, memory, network] = [await readCpu(), await readMemory(), await readNetwork()];
  return cpu === null || memory === null ? null : { atMs: performance.now(), ...cpu, ...memory, ...network };
}

async function readCpu(): Promise<Pick<Reading, 'cpuUsed' | 'cpuThere'> | null> {
  const used = (await isOwnGroup()) ? parseField(await groupText('cpu.stat'), 'usage_usec') : null;
  if (used !== null) {
    const cpus = parseCpuLimit(await groupText('cpu.max')) ?? availableParallelism();
    return { cpuUsed: used, cpuThere: performance.now() * 1000 * cpus };
  }
  const times = parseCpuTimes(await textOf('/proc/stat'));
  return times === null ? null : { cpuUsed: times.busyTicks, cpuThere: times.totalTicks };
}

async function readMemory(): Promise<Pick<Reading, 'memoryUsedBytes' | 'memoryTotalBytes'> | null> {
  const memory = parseMemory(await textOf('/proc/meminfo'));
  if (memory === null) return null;
  if (!(await isOwnGroup())) {
    return { memoryUsedBytes: memory.totalBytes - memory.availableBytes, memoryTotalBytes: memory.totalBytes };
  }
  const limit = Number.parseInt(await groupText('memory.max'), 10);
  const memoryTotalBytes = Number.isNaN(limit) ? memory.totalBytes : Math.min(limit, memory.totalBytes);
  const current = Number.parseInt(await groupText('memory.current'), 10);
  // Where the kernel does not account for the group's memory: what its processes have.
  if (Number.isNaN(current)) return { memoryUsedBytes: await residentBytes(), memoryTotalBytes };
  const cached = parseField(await groupText('memory.stat'), 'inactive_file') ?? 0;
  return { memoryUsedBytes: Math.max(0, current - cached), memoryTotalBytes };
}

async function residentBytes(): Promise<number> {
  let pages = 0;
  for (const entry of await readdir('/proc')) {
    if (/^\d+$/.test(entry)) pages += Number((await textOf(`/proc/${entry}/statm`)).split(' ')[1] ?? 0);
  }
  return pages * PAGE_BYTES;
}

/** What crosses the machine's edge: not what stays in it, and nothing twice. */
async function readNetwork(): Promise<Pick<Reading, 'receivedBytes' | 'sentBytes'>> {
  let [receivedBytes, sentBytes] = [0, 0];
  for (const { device, received, sent } of parseDevices(await textOf('/proc/net/dev'))) {
    if (!(await isEdge(device))) continue;
    receivedBytes += received;
    sentBytes += sent;
  }
  return { receivedBytes, sentBytes };
}

/** Taps are guests; bridges, bonds and tunnels stand on other devices, which count themselves. */
async function isEdge(device: string): Promise<boolean> {
  if (device === 'lo' || /^(vxlan|virbr|docker|ifb|dummy)/.test(device)) return false;
  const files = await readdir(join('/sys/class/net', device)).catch((): string[] => []);
  return !files.some((file) => file === 'tun_flags' || file === 'bridge' || file.startsWith('lower_'));
}

/** The root of all control groups has no events. */
async function isOwnGroup(): Promise<boolean> {
  return (await groupText('cgroup.events')) !== '';
}

function groupText(file: string): Promise<string> {
  return textOf(join(CONTROL_GROUP, file));
}

/** Empty where it cannot be read. */
function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
