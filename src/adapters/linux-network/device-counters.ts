/** What `/proc/net/dev` counts per device. Pure. */
export interface DeviceCounters {
  /** For a tap: frames that QEMU has read. */
  readonly sentFrames: number;
  /** For a tap: frames that did not fit into its queue. */
  readonly droppedFrames: number;
}

const NONE: DeviceCounters = { sentFrames: 0, droppedFrames: 0 };

/** Columns after the name: 8 of reception, then bytes, packets, errs, drop … of transmission. */
export function deviceCounters(table: string, device: string): DeviceCounters {
  for (const line of table.split('\n')) {
    const [name, columns] = line.split(':');
    if (name?.trim() !== device || columns === undefined) continue;
    const numbers = columns.trim().split(/\s+/).map(Number);
    return { sentFrames: numbers[9] ?? 0, droppedFrames: numbers[11] ?? 0 };
  }
  return NONE;
}
