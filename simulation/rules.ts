/**
 * Rules that the agent's shell keeps when it carries decisions out; each has its place in src/agent. A mutation breaks one of them.
 */
export interface ShellRules {
  /** Ownership is proven by a write before a VM that stood still goes on. */
  readonly proveBeforeThaw: boolean;
  /** A node that was fenced ends its VMs before it becomes a member again. */
  readonly endAllWhenFenced: boolean;
  /** No VM is started or let run without authority. */
  readonly authorityBeforeStart: boolean;
  /** The state is recorded, comparing the owner, before a new QEMU runs. */
  readonly recordBeforeResume: boolean;
  /** The controller's answer to "off" is not believed until its status says so. */
  readonly askPowerAgain: boolean;
  /** GO is sent only when the source has completed. */
  readonly goAfterCompleted: boolean;
  /** A heartbeat compares the fencing token. */
  readonly compareToken: boolean;
  /** A vote compares the heartbeat that it is about. */
  readonly compareVote: boolean;
  /** What writes that a node is fenced compares its heartbeat, its fencing token and the votes. */
  readonly compareTakeover: boolean;
  /** What gives VMs of a fenced node to another one compares what is known of them. */
  readonly compareAssignment: boolean;
  /** What takes memory of a node compares what is taken of it already. */
  readonly compareMemory: boolean;
  /** A few VMs start at the same time, not all. */
  readonly startInTurn: boolean;
  /** A node that does not use the store any more, which has gone back in time, does not keep it either. */
  readonly giveUpSeat: boolean;
  /** The longest authority that a guard takes from an agent. */
  readonly guardClampMs: (authorityMs: number) => number;
}

export const KEPT: ShellRules = {
  proveBeforeThaw: true,
  endAllWhenFenced: true,
  authorityBeforeStart: true,
  recordBeforeResume: true,
  askPowerAgain: true,
  goAfterCompleted: true,
  compareToken: true,
  compareVote: true,
  compareTakeover: true,
  compareAssignment: true,
  compareMemory: true,
  startInTurn: true,
  giveUpSeat: true,
  guardClampMs: (authorityMs) => authorityMs,
};
