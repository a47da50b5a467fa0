import type { ConsoleKind, ConsoleRequest } from '../model/console.ts';
import type { InstanceId, NodeName, VmName } from '../model/names.ts';
import type { ByteStream } from './byte-stream.ts';

/** The consoles of the QEMU processes of this node. */
export interface ConsoleSockets {
  /** Rejects if there is none. The serial one has room for one connection at a time; another waits until that one is closed. */
  connect(instance: InstanceId, kind: ConsoleKind): Promise<ByteStream>;
  /** The end of what the VM's newest QEMU on this node has written to its serial port; at most `bytes`. Empty if nothing is known. */
  serialPast(vm: VmName, bytes: number): Uint8Array;
  /** Keeps the file with the serial output small: its older part is put aside. */
  trimSerialLog(vm: VmName): Promise<void>;
}

/** Where another agent listens. */
export interface StreamTarget {
  readonly node: NodeName;
  readonly addresses: readonly string[];
  readonly port: number;
}

/** Consoles from one agent to another, over mutual TLS. One message on one side is one call of `data` on the other. */
export interface ConsoleLink {
  /** At once; a stream that cannot be made ends with 1006. */
  open(target: StreamTarget, request: ConsoleRequest): ByteStream;
  serve(accept: (request: ConsoleRequest, stream: ByteStream) => void): void;
}
