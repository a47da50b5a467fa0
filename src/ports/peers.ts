import type { MigrationIntent } from '../model/intent.ts';
import type { MigrationId, NodeName } from '../model/names.ts';
import type { VmDefinition } from '../model/vm.ts';
import type { ProbePort, ProbePortRequest, ProbeResult } from './guest-probe.ts';
import type { FrameCounts, FrameCut, GuestStop, HoldEndpoint } from './switchover-network.ts';

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
  /** Whether it was told GO, so that it knows that the source has completed. */
  readonly hasGo: boolean;
}

/** The requests agents make of each other, by name. Each is idempotent. */
export interface PeerRequests {
  ping: { request: Record<string, never>; response: { readonly bootId: string } };
  /**
   * To a voter: do not vote against me for the takeover time from now on. Granted only if it has not voted and is not about to. The
   * subject is who asks, by its certificate.
   */
  promise: {
    request: { readonly bootId: string };
    response: { readonly granted: boolean; readonly reason: string };
  };
  /** To a node that has the key of the authority: a new certificate for who asks, by its certificate. PEM. */
  'renew-certificate': {
    request: { readonly request: string; readonly qemuRequest: string | null };
    response: { readonly certificate: string; readonly qemuCertificate: string | null };
  };
  /** Wall clock of the answering agent, in milliseconds, for relating the two clocks. */
  clock: { request: Record<string, never>; response: { readonly wallMs: number } };
  'prepare-destination': {
    request: {
      readonly intent: MigrationIntent;
      readonly definition: VmDefinition;
      /** As for the copy on the source: whether the guard stops it. */
      readonly guarded: boolean;
    };
    response: {
      readonly addresses: readonly string[];
      readonly port: number;
      /** Where the guest's frames are to be mirrored to; null where they cannot be held, with the reason. */
      readonly frames: HoldEndpoint | null;
      readonly framesReason: string | null;
      /** Where the answers of a probe are to go; null where the guest cannot be watched, with the reason. */
      readonly observer: ProbePortRequest['observer'] | null;
      readonly observerReason: string | null;
    };
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
  /** Source to destination, in the blackout and ahead of GO; times on the destination's clock. */
  'guest-stopped': {
    request: { readonly migrationId: MigrationId; readonly stop: GuestStop; readonly cuts: readonly FrameCut[] | null };
    response: Record<string, never>;
  };
  /** To the destination: watch the guest through this port. */
  'watch-guest': {
    request: { readonly migrationId: MigrationId; readonly port: ProbePort };
    response: Record<string, never>;
  };
  /** To any node with the guest's virtual switch. */
  'open-probe-port': {
    request: ProbePortRequest & { readonly migrationId: MigrationId; readonly vm: string };
    response: ProbePort;
  };
  'close-probe-port': { request: { readonly vni: number }; response: Record<string, never> };
  /** To the destination, after the end: what became of the frames, and what the probe saw. Ends both. `mirrored`: per NIC. */
  'traffic-report': {
    request: { readonly migrationId: MigrationId; readonly mirrored: readonly number[] };
    response: { readonly counts: FrameCounts | null; readonly probe: ProbeResult | null };
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
  /** A witness answers some requests only; the others are refused. */
  serve(handlers: Partial<PeerHandlers>): Promise<void>;
  close(): void;
}
