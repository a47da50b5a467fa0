import type { MigrationIntent } from '../model/intent.ts';
import type { MigrationId, NodeName } from '../model/names.ts';
import type { VmDefinition } from '../model/vm.ts';

/** What the destination's agent knows of the copy it holds for a migration. */
export type DestinationCopy =
  /** There is none, and there will be none for this migration: it was discarded or never made. */
  | 'absent'
  /** QEMU waits for or receives memory. */
  | 'receiving'
  /** Everything is loaded; paused. Not a proof that it may run. */
  | 'loaded'
  | 'running'
  /** The process is gone. */
  | 'dead';

export interface DestinationStatus {
  readonly copy: DestinationCopy;
  /** False only if it is certain that the copy never executed the guest. */
  readonly mayHaveRun: boolean;
}

/** The requests agents make of each other, by name. Each is idempotent. */
export interface PeerRequests {
  ping: { request: Record<string, never>; response: { readonly bootId: string } };
  /** Wall clock of the answering agent, in milliseconds, for relating the two clocks. */
  clock: { request: Record<string, never>; response: { readonly wallMs: number } };
  'prepare-destination': {
    request: { readonly intent: MigrationIntent; readonly definition: VmDefinition };
    response: { readonly addresses: readonly string[]; readonly port: number };
  };
  'destination-status': {
    request: { readonly migrationId: MigrationId; readonly vm: string };
    response: DestinationStatus;
  };
  /** Kills the copy unless it may have run. After it a GO finds nothing. */
  'discard-destination': {
    request: { readonly migrationId: MigrationId; readonly vm: string };
    response: DestinationStatus;
  };
  /**
   * GO: the only thing that lets a destination run. Sent only after the source's QEMU reported `completed`.
   * Answered when the guest runs; times are the destination's wall clock.
   */
  go: {
    request: { readonly migrationId: MigrationId; readonly vm: string; readonly epoch: string };
    response: { readonly receivedAtMs: number; readonly resumedAtMs: number };
  };
}

export type PeerMethod = keyof PeerRequests;

export interface Peer {
  readonly name: NodeName;
  /** Throws NODE_UNREACHABLE after `deadlineMs` without an answer; rethrows the other agent's GodwitError. */
  call<M extends PeerMethod>(
    method: M,
    request: PeerRequests[M]['request'],
    deadlineMs: number,
  ): Promise<PeerRequests[M]['response']>;
}

export type PeerHandlers = {
  readonly [M in PeerMethod]: (
    request: PeerRequests[M]['request'],
    from: NodeName,
  ) => Promise<PeerRequests[M]['response']>;
};

/** The link between agents: mutual TLS, names taken from certificates, one warm connection per pair and path. */
export interface Peers {
  /** `addresses`: best first. Keeps a connection open to each of them, so that a call never waits for a handshake. */
  peer(name: NodeName, addresses: readonly string[], port: number): Peer;
  serve(handlers: PeerHandlers): Promise<void>;
  close(): void;
}
