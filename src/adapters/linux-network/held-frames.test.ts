import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeldFrames } from './held-frames.ts';
import { datagramOf, frameOf } from './vxlan-frame.ts';

const GUEST = '52:54:00:00:00:01';
const CLIENT = '525400000002';
const EVERYBODY = 'ffffffffffff';
const STOP_MS = 1_000_000;
const STOP = { atMs: STOP_MS, tookMs: 3.5 };
/** Early enough before STOP that what QEMU has read the guest has got. */
const EARLY_MS = STOP_MS - 5;

interface Shape {
  readonly to?: string;
  readonly from?: string;
  readonly bytes?: number;
}

/** The frame with this number, as it comes over the cluster network. */
function datagram(number: number, { to = GUEST.replaceAll(':', ''), from = CLIENT, bytes = 60 }: Shape = {}): Buffer {
  const frame = Buffer.alloc(bytes);
  Buffer.from(to + from, 'hex').copy(frame);
  frame.writeUInt32BE(number, 14);
  return datagramOf(7, frame);
}

class Hold {
  readonly given: number[] = [];
  readonly frames = new HeldFrames(GUEST, (given) => this.given.push(frameOf(given).readUInt32BE(14)));

  arrive(first: number, last: number, { atMs = EARLY_MS, ...shape }: Shape & { readonly atMs?: number } = {}): this {
    for (let number = first; number <= last; number++) this.frames.arrived(datagram(number, shape), atMs);
    return this;
  }

  stop(mirrored: number, unread: number, lostBefore = 0): this {
    this.frames.release(STOP, { mirrored, unread }, lostBefore);
    return this;
  }

  run(): this {
    this.frames.replay();
    return this;
  }
}

function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

describe('which frames the guest gets on the destination', () => {
  test('those that it had not read on the source, in their order, and none that it had', () => {
    expect(new Hold().arrive(1, 10).stop(10, 3).run().given).toEqual([8, 9, 10]);
  });

  test('of the probe only the newest, so that it has more time for its clients', () => {
    const hold = new Hold().arrive(1, 4, { from: '026770000001' }).arrive(5, 5).arrive(6, 7, { from: '026770000001' });
    expect(hold.stop(7, 7).run().given).toEqual([5, 7]);
  });

  test('none before it runs: QEMU would read them while it loads the guest, and lose them', () => {
    const hold = new Hold().arrive(1, 10).stop(10, 3).arrive(11, 12);
    expect(hold.given).toEqual([]);
    expect(hold.run().given).toEqual(numbers(8, 12));
  });

  test('every further one as it comes, once the guest runs', () => {
    const hold = new Hold().arrive(1, 4).stop(4, 0).run();
    expect(hold.given).toEqual([]);
    expect(hold.arrive(5, 6).given).toEqual([5, 6]);
  });

  test('the unread ones that were still under way at STOP', () => {
    expect(new Hold().arrive(1, 6).stop(10, 5).arrive(7, 10).run().given).toEqual(numbers(6, 10));
    expect(new Hold().arrive(1, 6).stop(10, 4).arrive(7, 10).run().given).toEqual(numbers(7, 10));
  });

  test('the last two that QEMU had read so late that the guest may not have got them, and no third one', () => {
    const late = { atMs: STOP_MS - 3 };
    const hold = new Hold().arrive(1, 5).arrive(6, 10, late).stop(10, 1).run();
    expect(hold.given).toEqual([8, 9, 10]);
    expect(hold.frames.counts(10, 0)).toMatchObject({ duplicated: 2, lost: 0 });
    expect(new Hold().arrive(1, 8).arrive(9, 10, late).stop(10, 1).run().given).toEqual([9, 10]);
  });

  test('not those that it had read while they were still under way, but for the last two', () => {
    const hold = new Hold().arrive(1, 4).stop(10, 2).run().arrive(5, 10);
    expect(hold.given).toEqual([7, 8, 9, 10]);
  });

  test('not what lay unread for half a second: QEMU reads more often, so the numbers cannot be right', () => {
    const hold = new Hold().arrive(1, 5, { atMs: STOP_MS - 501 }).arrive(6, 8);
    expect(hold.stop(8, 8).run().given).toEqual([6, 7, 8]);
  });

  test('those of the last 200 ms, if the source did not say what the guest had read', () => {
    const hold = new Hold().arrive(1, 3, { atMs: STOP_MS - 201 }).arrive(4, 5, { atMs: STOP_MS - 199 });
    hold.frames.release(STOP, null, 0);
    expect(hold.arrive(6, 6).run().given).toEqual([4, 5, 6]);
  });

  test('nothing twice, although both the source and GO say that it stopped', () => {
    const hold = new Hold().arrive(1, 3).stop(3, 1);
    hold.frames.release(STOP, null, 0);
    expect(hold.run().run().given).toEqual([3]);
  });

  test('the unread ones also where frames were lost on the way before: the numbers of the source are ahead', () => {
    // Of 10 mirrored ones, 2 were lost; the guest had read 7.
    expect(new Hold().arrive(1, 5).arrive(8, 10).stop(10, 3, 2).run().given).toEqual([8, 9, 10]);
  });

  test('not what it has itself sent to everybody, which comes back by the bridge it left', () => {
    const own = { to: EVERYBODY, from: GUEST.replaceAll(':', '') };
    const hold = new Hold().arrive(1, 1, own).arrive(2, 2).stop(2, 2).arrive(3, 3, own).run().arrive(4, 4, own);
    expect(hold.given).toEqual([2]);
  });

  test('broadcasts and multicasts by the mirror only until the bridge floods to it', () => {
    const hold = new Hold().arrive(1, 1, { to: EVERYBODY }).stop(1, 1).run();
    hold.arrive(2, 2, { to: '01005e000001' });
    hold.frames.onlyUnicast();
    hold.arrive(3, 3, { to: EVERYBODY }).arrive(4, 4, { to: '333300000001' }).arrive(5, 5);
    expect(hold.given).toEqual([1, 2, 5]);
  });
});

describe('limits', () => {
  test('of a long copy only the newest 4096 frames are kept, and the numbers stay right', () => {
    const hold = new Hold().arrive(1, 10_000);
    expect(hold.stop(10_000, 5000).run().given).toEqual(numbers(5905, 10_000));
  });

  test('at most 16 MiB are kept', () => {
    const bytes = 64 * 1024 - 8;
    const hold = new Hold().arrive(1, 300, { bytes }).stop(300, 300).run();
    expect(hold.given).toEqual(numbers(300 - 255, 300));
  });

  test('what does not fit after STOP is lost, and said to be', () => {
    const hold = new Hold().stop(0, 0).arrive(1, 4100).run();
    expect(hold.given).toEqual(numbers(1, 4096));
    expect(hold.frames.counts(4100, 0)).toMatchObject({ held: 4096, replayed: 4096, lost: 4 });
  });

  test('frames after a STOP are not squeezed out by those that were thrown away', () => {
    const hold = new Hold().arrive(1, 4096).stop(4096, 0).arrive(4097, 8192).run();
    expect(hold.given).toEqual(numbers(4097, 8192));
    expect(hold.frames.counts(8192, 0).lost).toBe(0);
  });
});

describe('counts', () => {
  test('tell held ones from those that came when the guest ran already', () => {
    const hold = new Hold().arrive(1, 10).stop(10, 3).arrive(11, 12).run().arrive(13, 16);
    expect(hold.frames.counts(16, 0)).toEqual({ held: 5, replayed: 9, lost: 0, duplicated: 0 });
  });

  test('count what never arrived and what the tap had no room for as lost', () => {
    const hold = new Hold().arrive(1, 10).stop(10, 3).run().arrive(11, 12);
    expect(hold.frames.counts(15, 2)).toMatchObject({ replayed: 3, lost: 5 });
  });

  test('do not count as lost what was lost before STOP: the guest had it on the source', () => {
    const hold = new Hold().arrive(1, 8).stop(10, 0, 2).run();
    expect(hold.frames.counts(10, 0)).toMatchObject({ held: 0, lost: 0 });
  });

  test('of a migration that never came to a STOP have nothing lost', () => {
    expect(new Hold().arrive(1, 5).frames.counts(9, 0)).toMatchObject({ held: 0, replayed: 0, lost: 0 });
  });

  test('do not know of duplicates where time decided', () => {
    const hold = new Hold().arrive(1, 3);
    hold.frames.release(STOP, null, 0);
    expect(hold.run().frames.counts(3, 0).duplicated).toBeNull();
  });
});

/** What can happen to frames: one is mirrored, the guest on the source reads one, one arrives at the destination. */
const beforeStop = fc.array(fc.constantFrom('mirror', 'read', 'arrive'), { maxLength: 60 });
const afterStop = fc.array(fc.constantFrom('mirror', 'arrive'), { maxLength: 30 });

test.each([
  ['no read one, if all that was read arrived in time', true, 0],
  ['of the read ones at most the last two, if frames were still under way', false, 2],
])('whatever happens in whatever order, every unread frame is given exactly once, and %s', (...row) => {
  const [, allInTime, twiceMax] = row;
  fc.assert(
    fc.property(beforeStop, fc.tuple(afterStop, afterStop, afterStop), (copying, [untilRelease, untilRun, running]) => {
      const hold = new Hold();
      let mirrored = 0;
      let read = 0;
      let arrived = 0;
      const play = (events: readonly ('mirror' | 'read' | 'arrive')[]) => {
        for (const event of events) {
          if (event === 'mirror') mirrored += 1;
          if (event === 'read' && read < mirrored) read += 1;
          if (event === 'arrive' && arrived < mirrored) hold.arrive(++arrived, arrived);
        }
      };
      play(copying);
      while (allInTime && arrived < read) hold.arrive(++arrived, arrived);
      const cut = { mirrored, unread: mirrored - read };
      play(untilRelease);
      hold.stop(cut.mirrored, cut.unread);
      play(untilRun);
      hold.run();
      play(running);
      while (arrived < mirrored) hold.arrive(++arrived, arrived);
      const twice = hold.given.filter((number) => number <= read);
      expect(hold.given).toEqual(numbers(read + 1 - twice.length, mirrored));
      expect(twice.length).toBeLessThanOrEqual(twiceMax);
      expect(hold.frames.counts(mirrored, 0)).toMatchObject({ replayed: hold.given.length, lost: 0 });
    }),
  );
});
