import type { ConsoleKind } from '../model/console.ts';
import { path } from './route.ts';

/**
 * The consoles of a guest: WebSockets with binary messages, on every node, wherever the VM runs. Each carries the bytes as
 * they are, both ways: `vnc` the RFB protocol (RFC 6143) of the guest's graphics card, `serial` what the guest writes
 * to its first serial port and what is typed into it. Bytes are cut into messages anywhere.
 *
 * A console that is opened while the VM starts waits for it. The end is said by the close code, never by the HTTP status, which
 * a browser does not see. A serial console goes on, on the same WebSocket, while its VM moves to another node; a graphical one ends
 * with `moved`, because the new QEMU wants a new RFB handshake.
 */
export { CONSOLE_BACKLOG_MAX_BYTES, CONSOLE_CLOSE, type ConsoleKind } from '../model/console.ts';

/** Longest message that is taken from a client, in bytes. Longer input is sent in pieces. */
export const CONSOLE_MESSAGE_MAX_BYTES = 64 * 1024;

export const CONSOLE_PING_PERIOD_MS = 15_000;

/** Below the prefix, as routes of the server. */
export const CONSOLE_ROUTES = {
  vnc: '/vms/:name/console/vnc',
  serial: '/vms/:name/console/serial',
} as const satisfies Readonly<Record<ConsoleKind, string>>;

/** `backlogBytes`, for `serial`: how much of the past is sent first; CONSOLE_BACKLOG_MAX_BYTES if left out, 0 for none. */
export function consolePath(
  kind: ConsoleKind,
  name: string,
  { backlogBytes }: { readonly backlogBytes?: number } = {},
): string {
  return path({ path: CONSOLE_ROUTES[kind] }, { params: { name }, query: { backlogBytes } });
}
