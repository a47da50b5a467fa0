import { createSocket, type Socket } from 'node:dgram';
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import { VNI_MAX, vniOf } from './vxlan-frame.ts';

/** Room for what arrives while this process is busy, in bytes; the kernel grants at most `net.core.rmem_max`. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** Called for each datagram, VXLAN header included; `atMs`: wall clock at which it was read. The memory is the receiver's to keep. */
export type FrameHandler = (datagram: Buffer, atMs: number) => void;

export interface FrameSocketOptions {
  /** Own address to listen on, where the other nodes' kernels send to. */
  readonly address: string;
  /** UDP port of agents: frames come in and go out here. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The agent's end of VXLAN: Ethernet frames that kernels of other nodes send here, told apart by network identifier,
 * and frames that this agent gives to a kernel. Opened with the first handler, closed with the last.
 */
export class FrameSocket {
  readonly #options: FrameSocketOptions;
  readonly #handlers = new Map<number, FrameHandler>();
  #socket: Promise<Socket> | null = null;
  #open: Socket | null = null;

  constructor(options: FrameSocketOptions) {
    this.#options = options;
  }

  get address(): string {
    return this.#options.address;
  }

  get port(): number {
    return this.#options.port;
  }

  /** An identifier nobody uses here, and which nobody else can guess. Throws if the port is taken. */
  async listen(handler: FrameHandler): Promise<number> {
    let vni = 0;
    while (vni === 0 || this.#handlers.has(vni)) vni = randomInt(1, VNI_MAX + 1);
    this.#handlers.set(vni, handler);
    try {
      this.#socket ??= this.#bind();
      this.#open = await this.#socket;
    } catch (error) {
      this.#handlers.delete(vni);
      this.#socket = null;
      throw portTaken(this.#options, error);
    }
    return vni;
  }

  ignore(vni: number): void {
    this.#handlers.delete(vni);
    if (this.#handlers.size > 0) return;
    this.#open?.close();
    this.#open = null;
    this.#socket = null;
  }

  /** A datagram with its VXLAN header, to the kernel at `address`; lost without a word if the socket is closed. */
  send(datagram: Uint8Array, address: string, port: number): void {
    this.#open?.send(datagram, port, address);
  }

  /** Datagrams the kernel has dropped here because this process was too slow; null if the kernel does not say. */
  dropped(): number | null {
    try {
      return droppedIn(readFileSync('/proc/self/net/udp', 'utf8'), this.#options.address, this.#options.port);
    } catch {
      return null;
    }
  }

  #bind(): Promise<Socket> {
    const { address, port, clock, log } = this.#options;
    const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4' });
    socket.on('message', (datagram) => {
      const vni = vniOf(datagram);
      if (vni !== undefined) this.#handlers.get(vni)?.(datagram, clock.wallMs());
    });
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        socket.close();
        reject(error);
      };
      socket.once('error', fail);
      socket.bind({ address, port, exclusive: true }, () => {
        socket.off('error', fail);
        socket.on('error', (error) => log.warn('The socket for frames has an error', { error: String(error) }));
        socket.unref();
        socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
        resolve(socket);
      });
    });
  }
}

function portTaken({ address, port }: FrameSocketOptions, cause: unknown): GodwitError {
  return new GodwitError(
    {
      code: 'NETWORK_FAILED',
      message: `The agent cannot take frames on UDP port ${port} of ${address}: ${String(cause)}.`,
      state: NOTHING_CHANGED,
      nextStep: `See with \`ss -lunp\` who has the port, and whether this node has the address.`,
    },
    cause,
  );
}

/** From `/proc/net/udp`; its addresses are in the machine's byte order, which is little-endian on every platform QEMU's x86 guests run on here. */
export function droppedIn(table: string, address: string, port: number): number | null {
  const hexAddress = address
    .split('.')
    .toReversed()
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('');
  const local = `${hexAddress}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
  for (const line of table.split('\n')) {
    const columns = line.trim().split(/\s+/);
    if (columns[1] === local) return Number(columns.at(-1));
  }
  return null;
}
