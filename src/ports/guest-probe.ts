/** Where a guest is to be watched from: a port of a virtual switch that only carries the probe. */
export interface ProbePort {
  /** Node whose kernel takes the probe's frames, and where. */
  readonly address: string;
  readonly port: number;
}

export interface ProbePortRequest {
  readonly switchName: string;
  /** The agent that probes: where its answers are to be sent. */
  readonly observer: { readonly address: string; readonly port: number; readonly vni: number };
}

export interface ProbeTarget {
  readonly macAddress: string;
  /** IPv4, without prefix length. */
  readonly address: string;
}

/** One request of a probe, in milliseconds. */
export interface ProbeSample {
  /** Wall clock of the observing agent. */
  readonly askedAtMs: number;
  /** Until the next answer of the guest, to whichever request; null if none has come. */
  readonly waitedMs: number | null;
}

/** Milliseconds; wall clock of the observing agent. */
export interface ProbeResult {
  readonly intervalMs: number;
  readonly sent: number;
  readonly answered: number;
  /** Longest time between two answers; null with fewer than two. */
  readonly longestGapMs: number | null;
  readonly gapStartedAtMs: number | null;
  /** The newest requests, in their order; absent from an agent that does not keep them. */
  readonly samples?: readonly ProbeSample[];
}

export interface ProbeRun {
  /** Network identifier under which the answers come. */
  readonly vni: number;
  /** Begins to ask, through that port. */
  start(port: ProbePort): void;
  /** So far. */
  result(): ProbeResult;
  stop(): ProbeResult;
}

/**
 * Watches a guest through a virtual switch: an ARP request for its address every few milliseconds, from a port that no guest and no
 * node has, as any other machine of that network would ask. The port is on one node, the observer on another, so the
 * probe never goes over a loopback device.
 */
export interface GuestProbes {
  /** Where answers come to, as observer. */
  readonly observer: { readonly address: string; readonly port: number };
  /** As observer. */
  observe(target: ProbeTarget): Promise<ProbeRun>;
  /** As the node with the port; one port per observer's identifier. */
  openPort(request: ProbePortRequest): Promise<ProbePort>;
  closePort(vni: number): Promise<void>;
}
