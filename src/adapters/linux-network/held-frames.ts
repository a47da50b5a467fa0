import type { FrameCut, GuestStop } from '../../ports/switchover-network.ts';
import { PROBE_MAC_PREFIX } from './probe-plan.ts';
import { frameOf } from './vxlan-frame.ts';

/** At most so many frames are kept, and so many bytes of them. */
const KEPT_FRAMES_MAX = 4096;
const KEPT_BYTES_MAX = 16 * 1024 * 1024;
/** No frame that arrived here longer than this before STOP is replayed, whatever the source has counted, in milliseconds: QEMU reads its taps more often. */
const UNREAD_MS_MAX = 500;
/**
 * A QEMU that stops its guest reads up to two more frames from its tap and keeps them from the guest (7.2): one while it waits for the
 * processors, which it throws away when they stand still, and one after that. Time is all that tells them from frames that the guest got: those
 * that arrived after QEMU began to stop it, or less than this before, in milliseconds, count as unread.
 */
const READ_TOO_LATE_MS = 0.5;
const READ_TOO_LATE_FRAMES = 2;
/** Where the source did not say when the guest stopped. */
const WITHOUT_WORD_MS = 200;

const PROBE = Buffer.from(PROBE_MAC_PREFIX.replaceAll(':', ''), 'hex');

interface Kept {
  readonly datagram: Buffer;
  readonly atMs: number;
}

/**
 * Frames mirrored for one NIC. Until the guest stops on the source they are kept, since each may be one that it does not get; which of
 * them it did get is counted, for the source knows how many its guest has read. From then on they wait here, and not in the tap: QEMU
 * reads from a tap also while it loads a guest, and loses what it has read. Once it is loaded, all go to its tap, and every further one.
 */
export class HeldFrames {
  readonly #macAddress: Buffer;
  readonly #give: (datagram: Buffer) => void;
  #kept: Kept[] = [];
  #keptBytes = 0;
  #stopped = false;
  #loaded = false;
  #onlyUnicast = false;
  #received = 0;
  #held = 0;
  #given = 0;
  #overflowed = 0;
  /** Received ones that count as read on the source. */
  #readOnSource = 0;
  #lostBefore = 0;
  #exact = true;
  #perhapsTwice = 0;

  /** `give`: puts one into the guest's tap. */
  constructor(macAddress: string, give: (datagram: Buffer) => void) {
    this.#macAddress = Buffer.from(macAddress.replaceAll(':', ''), 'hex');
    this.#give = give;
  }

  arrived(datagram: Buffer, atMs: number): void {
    this.#received += 1;
    if (this.#stopped && (this.#received <= this.#readOnSource || !this.#isForGuest(datagram))) return;
    if (this.#loaded) this.#pass(datagram);
    else this.#keep({ datagram, atMs });
  }

  /** The guest has stopped on the source. `lostBefore`: frames that this node had already lost, so that the source's numbers are ahead of ours by them. */
  release({ atMs: stoppedAtMs, tookMs }: GuestStop, cut: FrameCut | null, lostBefore: number): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#lostBefore = lostBefore;
    const firstKept = this.#received - this.#kept.length;
    const oldestMs = stoppedAtMs - (cut === null ? WITHOUT_WORD_MS : UNREAD_MS_MAX);
    const young = this.#kept.findIndex(({ atMs }) => atMs >= oldestMs);
    const byTime = firstKept + (young === -1 ? this.#kept.length : young);
    const read = cut === null ? 0 : Math.max(0, cut.mirrored - cut.unread - lostBefore);
    // One that is still on its way is late whatever it is.
    const arrivedAtMs = (number: number) =>
      number > this.#received
        ? Number.POSITIVE_INFINITY
        : (this.#kept[number - 1 - firstKept]?.atMs ?? Number.NEGATIVE_INFINITY);
    const lateFromMs = stoppedAtMs - tookMs - READ_TOO_LATE_MS;
    let byCount = read;
    while (byCount > Math.max(0, read - READ_TOO_LATE_FRAMES) && arrivedAtMs(byCount) > lateFromMs) {
      if (arrivedAtMs(byCount) < stoppedAtMs || byCount > this.#received) this.#perhapsTwice += 1;
      byCount -= 1;
    }
    this.#exact = cut !== null && byCount >= byTime;
    this.#readOnSource = Math.max(byTime, byCount);
    const unread = this.#kept.slice(Math.max(0, this.#readOnSource - firstKept));
    this.#kept = unread.filter(({ datagram }) => this.#isForGuest(datagram));
    this.#keptBytes = this.#kept.reduce((total, { datagram }) => total + datagram.length, 0);
  }

  /** QEMU has loaded the guest. Synchronous. */
  replay(): void {
    if (this.#loaded) return;
    this.#loaded = true;
    const lastProbe = this.#kept.findLast(({ datagram }) => isFromProbe(datagram));
    // Of the questions of our own probe the guest gets the newest only: it has better things to do when it wakes.
    const wanted = this.#kept.filter((one) => one === lastProbe || !isFromProbe(one.datagram));
    this.#held = wanted.length;
    for (const { datagram } of wanted) this.#pass(datagram);
    this.#kept = [];
  }

  /** Broadcasts reach the guest by the bridge from now on. */
  onlyUnicast(): void {
    this.#onlyUnicast = true;
  }

  /** `mirrored`: by the source, in all. `dropped`: by the guest's tap. */
  counts(mirrored: number, dropped: number) {
    const missing = this.#stopped ? Math.max(0, mirrored - this.#lostBefore - this.#received) : 0;
    return {
      held: this.#held,
      replayed: Math.max(0, this.#given - dropped),
      lost: missing + dropped + this.#overflowed,
      duplicated: this.#exact ? this.#perhapsTwice : null,
    };
  }

  #keep(frame: Kept): void {
    this.#kept.push(frame);
    this.#keptBytes += frame.datagram.length;
    while (this.#kept.length > KEPT_FRAMES_MAX || this.#keptBytes > KEPT_BYTES_MAX) {
      // Before the guest stops the oldest is the one it has got; afterwards the newest is the one whose sender repeats it soonest.
      const dropped = this.#stopped ? this.#kept.pop() : this.#kept.shift();
      this.#keptBytes -= dropped?.datagram.length ?? 0;
      if (this.#stopped) this.#overflowed += 1;
    }
  }

  /** What the guest itself sent to everybody comes back to it by way of the bridge it has left. */
  #isForGuest(datagram: Buffer): boolean {
    return frameOf(datagram).compare(this.#macAddress, 0, 6, 6, 12) !== 0;
  }

  #pass(datagram: Buffer): void {
    const isUnicast = ((frameOf(datagram)[0] ?? 0) & 1) === 0;
    if (this.#onlyUnicast && !isUnicast) return;
    this.#given += 1;
    this.#give(datagram);
  }
}

function isFromProbe(datagram: Buffer): boolean {
  return frameOf(datagram).subarray(6, 9).equals(PROBE);
}
