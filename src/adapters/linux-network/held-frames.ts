import type { FrameCut } from '../../ports/switchover-network.ts';
import { frameOf } from './vxlan-frame.ts';

/** Before the guest stops, the newest frames are kept, at most so many and so much; older ones it has long got. */
const KEPT_FRAMES_MAX = 4096;
const KEPT_BYTES_MAX = 16 * 1024 * 1024;
/** No frame that arrived here longer than this before STOP is replayed, whatever the source has counted, in milliseconds: QEMU reads its taps more often. */
const UNREAD_MS_MAX = 500;
/** Where the source did not say when the guest stopped. */
const WITHOUT_WORD_MS = 200;

interface Kept {
  readonly datagram: Buffer;
  readonly atMs: number;
}

/**
 * Frames mirrored for one NIC: until the guest stops on the source they are kept, since each may be one that it does not get; from then
 * on they go to its tap here. Which of the kept ones go is decided by counting: the source knows how many its guest has read.
 */
export class HeldFrames {
  readonly #macAddress: Buffer;
  readonly #give: (datagram: Buffer) => void;
  #kept: Kept[] = [];
  #keptBytes = 0;
  #released = false;
  #onlyUnicast = false;
  #received = 0;
  #held = 0;
  #given = 0;
  /** Received ones that count as read on the source. */
  #readOnSource = 0;
  #lostBefore = 0;
  #exact = true;

  /** `give`: puts one into the guest's tap. */
  constructor(macAddress: string, give: (datagram: Buffer) => void) {
    this.#macAddress = Buffer.from(macAddress.replaceAll(':', ''), 'hex');
    this.#give = give;
  }

  arrived(datagram: Buffer, atMs: number): void {
    this.#received += 1;
    if (this.#released) {
      if (this.#received > this.#readOnSource) this.#pass(datagram);
      return;
    }
    this.#kept.push({ datagram, atMs });
    this.#keptBytes += datagram.length;
    while (this.#kept.length > KEPT_FRAMES_MAX || this.#keptBytes > KEPT_BYTES_MAX) {
      this.#keptBytes -= this.#kept.shift()?.datagram.length ?? 0;
    }
  }

  /** `lostBefore`: frames that this node had already lost, so that the source's numbers are ahead of ours by them. */
  release(stoppedAtMs: number, cut: FrameCut | null, lostBefore: number): void {
    if (this.#released) return;
    this.#released = true;
    this.#lostBefore = lostBefore;
    const kept = this.#kept;
    this.#kept = [];
    const firstKept = this.#received - kept.length;
    const oldestMs = stoppedAtMs - (cut === null ? WITHOUT_WORD_MS : UNREAD_MS_MAX);
    const tooOld = kept.findIndex(({ atMs }) => atMs >= oldestMs);
    const byTime = firstKept + (tooOld === -1 ? kept.length : tooOld);
    const byCount = cut === null ? 0 : Math.max(0, cut.mirrored - cut.unread - lostBefore);
    this.#exact = cut !== null && byCount >= byTime;
    this.#readOnSource = cut !== null && byCount > this.#received ? byCount : Math.max(byTime, byCount);
    for (const { datagram } of kept.slice(Math.max(0, this.#readOnSource - firstKept))) this.#pass(datagram);
  }

  /** Broadcasts reach the guest by the bridge from now on. */
  onlyUnicast(): void {
    this.#onlyUnicast = true;
  }

  /** `mirrored`: by the source, in all. `dropped`: by the guest's tap. */
  counts(mirrored: number, dropped: number) {
    const missing = this.#released ? Math.max(0, mirrored - this.#lostBefore - this.#received) : 0;
    return {
      held: this.#held,
      replayed: Math.max(0, this.#given - dropped),
      lost: missing + dropped,
      duplicated: this.#exact ? 0 : null,
    };
  }

  #pass(datagram: Buffer): void {
    const frame = frameOf(datagram);
    // What the guest itself sent to everybody comes back to it by way of the bridge it has left.
    if (frame.compare(this.#macAddress, 0, 6, 6, 12) === 0) return;
    const isUnicast = ((frame[0] ?? 0) & 1) === 0;
    if (this.#onlyUnicast && !isUnicast) return;
    if (!this.#onlyUnicast) this.#held += 1;
    this.#given += 1;
    this.#give(datagram);
  }
}
