import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  LEARNER_GIVEN_UP_AFTER_MS,
  planSeats,
  SEAT_MOVES_AFTER_MS,
  type SeatCandidate,
  type SeatSight,
  seatTarget,
} from './store-seats.ts';

function seat(node: string, more: Partial<SeatSight> = {}): SeatSight {
  return {
    ...{ id: `id-${node}`, node, learner: false, healthy: true, leader: false, caughtUp: true },
    ...{ strangeForMs: 0, learnerForMs: 0 },
    ...more,
  };
}

function up(name: string, more: Partial<SeatCandidate> = {}): SeatCandidate {
  const role = name === 'witness' ? ('witness' as const) : ('node' as const);
  return { name, role, address: `10.0.0.${name.at(-1)}`, silentForMs: 0, failedLately: false, ...more };
}

const leader = seat('node1', { leader: true });
const DEAD = SEAT_MOVES_AFTER_MS + 1;

describe('seatTarget', () => {
  test.each([
    ['one node', ['node1'], 1],
    ['two nodes without a third vote', ['node1', 'node2'], 1],
    ['two nodes and a witness', ['node1', 'node2', 'witness'], 3],
    ['six nodes and a witness', ['node1', 'node2', 'node3', 'node4', 'node5', 'node6', 'witness'], 3],
    ['seven nodes', ['node1', 'node2', 'node3', 'node4', 'node5', 'node6', 'node7'], 5],
  ])('of %s', (_what, names, target) => {
    expect(seatTarget(names.map((name) => up(name)))).toBe(target);
  });
});

describe('planSeats', () => {
  test('adds a learner when there are enough for an odd number, nodes ahead of the witness', () => {
    const { change } = planSeats({ seats: [leader], candidates: [up('node1'), up('witness'), up('node2')] });
    expect(change).toEqual({ kind: 'add', node: 'node2', address: '10.0.0.2' });
  });

  test('stays at one seat while the third vote is not up: two seats would survive nothing', () => {
    const down = up('witness', { silentForMs: 60_000 });
    expect(planSeats({ seats: [leader], candidates: [up('node1'), up('node2'), down] }).change).toBeNull();
  });

  test('gives a learner its vote only when it has caught up', () => {
    const candidates = [up('node1'), up('node2'), up('witness')];
    const learner = seat('node2', { learner: true, caughtUp: false });
    expect(planSeats({ seats: [leader, learner], candidates }).change).toBeNull();
    const { change } = planSeats({ seats: [leader, { ...learner, caughtUp: true }], candidates });
    expect(change).toEqual({ kind: 'promote', node: 'node2', id: 'id-node2' });
  });

  test('takes a learner back that does not catch up', () => {
    const learner = seat('node2', { learner: true, healthy: false, learnerForMs: LEARNER_GIVEN_UP_AFTER_MS });
    const candidates = [up('node1'), up('node2'), up('witness')];
    expect(planSeats({ seats: [leader, learner], candidates }).change).toMatchObject({ kind: 'remove', node: 'node2' });
  });

  test('moves the seat of a node that has been silent for ten minutes: removed first, then added', () => {
    const candidates = [up('node1'), up('node2'), up('node3', { silentForMs: DEAD }), up('node4')];
    const before = [leader, seat('node2'), seat('node3', { healthy: false })];
    expect(planSeats({ seats: before, candidates }).change).toMatchObject({ kind: 'remove', node: 'node3' });
    const after = planSeats({ seats: before.slice(0, 2), candidates });
    expect(after.change).toMatchObject({ kind: 'add', node: 'node4' });
  });

  test('leaves the seat of a dead node where nobody could take it', () => {
    const candidates = [up('node1'), up('node2'), up('node3', { silentForMs: DEAD })];
    const seats = [leader, seat('node2'), seat('node3', { healthy: false })];
    expect(planSeats({ seats, candidates }).change).toBeNull();
  });

  test('changes nothing without a majority', () => {
    const candidates = [
      up('node1'),
      up('node2', { silentForMs: DEAD }),
      up('node3', { silentForMs: DEAD }),
      up('node4'),
    ];
    const seats = [leader, seat('node2', { healthy: false }), seat('node3', { healthy: false })];
    expect(planSeats({ seats, candidates }).change).toBeNull();
  });

  test('does not touch a seat whose node has not said yet what it is', () => {
    const stranger = seat('x', { node: null, strangeForMs: 1000 });
    const plan = planSeats({ seats: [leader, seat('node2'), stranger], candidates: [up('node1'), up('node2')] });
    expect(plan.change).not.toMatchObject({ id: 'id-x' });
  });

  test('gives up seats that are too many: a dead one first', () => {
    const seats = [leader, seat('node2'), seat('node3', { healthy: false })];
    const candidates = [up('node1'), up('node2')];
    expect(planSeats({ seats, candidates }).change).toMatchObject({ kind: 'remove', node: 'node3' });
  });

  const NAMES = ['node1', 'node2', 'node3', 'node4', 'node5', 'node6', 'node7', 'node8', 'witness'];

  test('never removes a seat that the others need for their majority, and adds one at a time as a learner', () => {
    const arbitrary = fc.record({
      held: fc.subarray(NAMES, { minLength: 1 }),
      sick: fc.subarray(NAMES),
      silent: fc.subarray(NAMES),
      known: fc.subarray(NAMES, { minLength: 1 }),
    });
    fc.assert(
      fc.property(arbitrary, ({ held, sick, silent, known }) => {
        const seats = held.map((name, index) => seat(name, { healthy: !sick.includes(name), leader: index === 0 }));
        const candidates = known.map((name) => up(name, { silentForMs: silent.includes(name) ? DEAD : 0 }));
        const { change } = planSeats({ seats, candidates });
        if (change?.kind === 'remove') {
          const others = seats.filter(({ id }) => id !== change.id);
          expect(others.filter(({ healthy }) => healthy).length * 2).toBeGreaterThan(others.length);
        }
        if (change?.kind === 'add') expect(held).not.toContain(change.node);
      }),
    );
  });

  test('comes to rest at the target, whoever is up, when all stay well', () => {
    fc.assert(
      fc.property(fc.subarray(NAMES, { minLength: 1 }), (known) => {
        const first = known.find((name) => name !== 'witness');
        fc.pre(first !== undefined);
        const candidates = known.map((name) => up(name));
        let seats = [seat(first, { leader: true })];
        for (let step = 0; step < 30; step += 1) {
          const { change } = planSeats({ seats, candidates });
          if (change === null) break;
          if (change.kind === 'add') seats = [...seats, seat(change.node, { learner: true })];
          else if (change.kind === 'remove') seats = seats.filter(({ id }) => id !== change.id);
          else seats = seats.map((one) => (one.id === change.id ? { ...one, learner: false } : one));
        }
        expect(seats.length).toBe(seatTarget(candidates));
        expect(seats.every(({ learner }) => !learner)).toBe(true);
      }),
    );
  });
});
