import type { InstanceId, VmName } from './names.ts';

/** `vnc`: the screen, keyboard and pointer of the guest's graphics card as RFB (RFC 6143); `serial`: its first serial port. */
export type ConsoleKind = 'vnc' | 'serial';

/** What is kept of a serial console's past, in bytes. */
export const CONSOLE_BACKLOG_MAX_BYTES = 64 * 1024;

/** Close codes of a console's WebSocket. Beside these there are WebSocket's own: 1000, 1001 (the agent ends), 1006 (it is gone). */
export const CONSOLE_CLOSE = {
  /** The guest runs on, in another QEMU: connect again now. Only `vnc`. */
  moved: 4001,
  /** The VM is off, saved or failed. */
  off: 4002,
  /** The VM was made without a graphics card. Only `vnc`. */
  noGraphics: 4003,
  /** There is no such VM (any more). */
  notFound: 4004,
  /** Its owner does not answer: try again later. */
  unreachable: 4005,
} as const;

/** How far a serial console has been read. */
export interface ConsolePosition {
  /** The QEMU it was read from. */
  readonly instance: InstanceId;
  /** Which of the connections to that QEMU counts the bytes: an agent that was restarted has another one. */
  readonly line: string;
  /** Bytes that came before, since that connection was made. */
  readonly bytes: number;
}

/** What one agent asks of the agent of the node that runs the VM. */
export interface ConsoleRequest {
  readonly kind: ConsoleKind;
  readonly vm: VmName;
  /** Of a serial console: how much of the past is sent first, at most. */
  readonly backlogBytes: number;
  /** Of a serial console that was read before: goes on behind it, and with the whole output of another QEMU. Null: see `backlogBytes`. */
  readonly after: ConsolePosition | null;
  /** Ends behind the past. */
  readonly pastOnly?: true;
}

/** Undefined if it is none: it came over the network. */
export function toConsoleRequest(value: unknown): ConsoleRequest | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, vm, backlogBytes, after, pastOnly } = value as Record<string, unknown>;
  if ((kind !== 'vnc' && kind !== 'serial') || typeof vm !== 'string' || typeof backlogBytes !== 'number') {
    return undefined;
  }
  const position = after === null ? null : toConsolePosition(after);
  if (position === undefined) return undefined;
  return { kind, vm, backlogBytes, after: position, ...(pastOnly === true && { pastOnly }) };
}

/** Undefined if it is none. */
export function toConsolePosition(value: unknown): ConsolePosition | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { instance, line, bytes } = value as Record<string, unknown>;
  if (typeof instance !== 'string' || typeof line !== 'string' || typeof bytes !== 'number') return undefined;
  return { instance, line, bytes };
}
