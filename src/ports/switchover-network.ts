/** A NIC of a VM on this node. */
export interface GuestPort {
  readonly tap: string;
  readonly macAddress: string;
  readonly switchName: string;
}

/** Where the source's kernel sends the frames that a guest gets: one network identifier per NIC, in order. */
export interface HoldEndpoint {
  readonly address: string;
  readonly port: number;
  readonly vnis: readonly number[];
}

/** Where the guest on the source stopped reading, per NIC. */
export interface FrameCut {
  /** Frames mirrored so far, since the mirror was made. */
  readonly mirrored: number;
  /** Of these, the last ones that the guest never got. */
  readonly unread: number;
}

/** When a guest stopped on the source. */
export interface GuestStop {
  /** STOP, on the wall clock of whoever is told, in milliseconds. */
  readonly atMs: number;
  /** From QEMU's decision to stop until STOP, in milliseconds: what it read from a tap in between the guest may not have got. */
  readonly tookMs: number;
}

export interface FrameCounts {
  /** That came by mirror after the guest had stopped on the source, and waited for it on the destination. */
  readonly held: number;
  /** Given to the guest on the destination: the held ones, and those that still came by way of the source afterwards. */
  readonly replayed: number;
  /** Never arrived, or did not fit into a queue. */
  readonly lost: number;
  /** Given to the guest on the destination although it may have had them on the source; null if that cannot be told. */
  readonly duplicated: number | null;
}

/** The destination's half of a lossless switchover: keeps the frames for a guest that has not arrived yet. */
export interface FrameHold {
  readonly endpoint: HoldEndpoint;
  /**
   * The guest has stopped on the source: what it did not get there waits for it here, and so does every further frame.
   * `cuts` null: the source said nothing, so time alone decides. Synchronous, once.
   */
  release(stop: GuestStop, cuts: readonly FrameCut[] | null): void;
  /** QEMU has loaded the guest and was told to run it: what has waited goes to its tap, and so does what still comes. Synchronous. */
  replay(): void;
  /** The guest runs here: the bridge may flood to it. */
  guestRuns(): Promise<void>;
  /** `mirrored`: what the source has sent in all, per NIC. */
  counts(mirrored: readonly number[]): FrameCounts;
  close(): Promise<void>;
}

/** The source's half: a copy of every frame that the guest gets, to the destination's agent. Around the switchover only. */
export interface FrameMirror {
  readonly armed: boolean;
  /** Copies from now on, and pins the guest's address to its tap. The guest itself notices nothing. */
  arm(): Promise<void>;
  /** No copies any more; the pin goes too. */
  disarm(): Promise<void>;
  /** Looks at the counters; to be called now and then while it is armed. */
  sample(): void;
  /** For the moment after STOP. Synchronous; null if the counters cannot be read. */
  cut(): readonly FrameCut[] | null;
  /** The guest runs on the destination: what still arrives here for it is sent on, without its tap. */
  handOver(): Promise<void>;
  /** Removes everything. Returns the frames mirrored in all, per NIC. */
  close(): Promise<readonly number[]>;
}

/** How this node's kernel moves a guest's traffic at switchover without losing a frame. */
export interface SwitchoverNetwork {
  /** What this node lacks for it, in plain words; empty: nothing. */
  missing(): Promise<readonly string[]>;
  openHold(ports: readonly GuestPort[]): Promise<FrameHold>;
  openMirror(ports: readonly GuestPort[], endpoint: HoldEndpoint): Promise<FrameMirror>;
  /** Devices, filters and pins that an agent which was killed has left; for the start. */
  removeLeftovers(): Promise<void>;
}
