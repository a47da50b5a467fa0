/** Reads a guest's memory from outside, out of its QEMU process. */
import { open, readFile } from 'node:fs/promises';
import type { MemorySample } from '../../ports/hypervisor.ts';
import { judgeSample, planRuns, type Run } from './memory-sample.ts';

/** Estimates from some pages; takes about ten milliseconds, nearly all of them in the thread pool. Throws what /proc says. */
export async function sampleGuestMemory(pid: number, memoryBytes: number): Promise<MemorySample> {
  const address = guestMemoryAddress(await readFile(`/proc/${pid}/maps`, 'latin1'), memoryBytes);
  const runs = await readRuns(pid, address, planRuns(memoryBytes, Math.random));
  return await judgeSample(runs, memoryBytes);
}

/**
 * Where QEMU has the guest's memory, from `/proc/<pid>/maps`. It is one mapping of exactly its size: inaccessible pages lie behind it,
 * and its own flags ("leave it out of core dumps") keep the kernel from joining it with a neighbour. Throws if there is none,
 * or more than one.
 */
export function guestMemoryAddress(maps: string, memoryBytes: number): number {
  const found = maps.split('\n').flatMap((line) => {
    const match = /^([0-9a-f]+)-([0-9a-f]+) rw-[ps] \S+ \S+ \d+ *(.*)$/.exec(line);
    if (match === null) return [];
    const [start, end] = [Number.parseInt(match[1] ?? '', 16), Number.parseInt(match[2] ?? '', 16)];
    return end - start === memoryBytes && mayBeMemory(match[3] ?? '') ? [start] : [];
  });
  const [address] = found;
  if (address !== undefined && found.length === 1) return address;
  throw new Error(`${found.length} of its mappings have the ${memoryBytes} bytes of the guest's memory`);
}

/** Private memory has no name; shared and huge pages come from a file in memory or in a file system of such pages. */
function mayBeMemory(name: string): boolean {
  return name === '' || /^\/memfd:|^\/dev\/(zero|hugepages\/|shm\/)|^\[anon/.test(name);
}

async function readRuns(pid: number, address: number, runs: readonly Run[]): Promise<Buffer[]> {
  const memory = await open(`/proc/${pid}/mem`, 'r');
  try {
    const found: Buffer[] = [];
    for (const { offsetBytes, lengthBytes } of runs) {
      const buffer = Buffer.alloc(lengthBytes);
      const { bytesRead } = await memory.read(buffer, 0, lengthBytes, address + offsetBytes);
      if (bytesRead !== lengthBytes) throw new Error('its memory ends early');
      found.push(buffer);
    }
    return found;
  } finally {
    await memory.close();
  }
}
