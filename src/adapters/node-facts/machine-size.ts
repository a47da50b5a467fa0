import { availableParallelism, totalmem } from 'node:os';

/** Memory of the machine, in bytes, as the kernel counts it (MemTotal). */
export function memoryTotalBytes(): number {
  return totalmem();
}

/** Logical CPUs this process may use. */
export function cpuCount(): number {
  return availableParallelism();
}
