import { expect, test } from 'vitest';
import { saidEvents } from '../../test/doubles/failover-node.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemberEnds } from './member-ends.ts';

test('a member that ends again and again is told once a minute, and for each new reason', () => {
  const clock = new ManualClock();
  const events = saidEvents();
  const ends = new MemberEnds('node1', clock);
  ends.tell(events);
  for (let second = 0; second < 120; second++) {
    ends.ended(second < 30 ? 'no space' : null);
    if (second === 10) ends.ended('damaged');
    clock.advance(1000);
  }
  expect(events.said.map(({ reason }) => reason.slice(0, 22))).toEqual([
    ...['It says: no space.', 'It says: damaged.', 'It says: no space.'],
    'It was killed, or said',
  ]);
});

test('one that ends before there is an event log is told by it', () => {
  const events = saidEvents();
  const ends = new MemberEnds('node1', new ManualClock());
  ends.ended('no space');
  ends.tell(events);
  expect(events.said).toMatchObject([{ kind: 'store-member-ended', critical: true, reason: 'It says: no space.' }]);
});
