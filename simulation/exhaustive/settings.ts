import { PRODUCTION } from './protocol.ts';
import type { Setting } from './world.ts';

/** Votes that a takeover needs with so many voters, as the product has it. */
const VOTES_NEEDED: Readonly<Record<number, number>> = { 1: 1, 2: 2, 3: 2 };

/** Authority of 2 ticks and a fence bound of 1: silence of 4 ticks is the shortest that is safe. */
export function settingFor(voters: number, more: Partial<Setting> = {}): Setting {
  const votes = VOTES_NEEDED[voters] ?? 1;
  const times = { authority: 2, fence: 1, takeover: 4 };
  return {
    voters,
    ...times,
    votesNeeded: votes,
    votesTaken: votes,
    restarts: false,
    changes: false,
    protocol: PRODUCTION,
    ...more,
  };
}

/**
 * One voter, then another one. The times are the smallest with which something can go wrong: authority of one tick, a fence bound of
 * one, so that silence of three is the shortest that is safe; with those of the other settings it has too many states.
 */
export const CHANGE: Setting = settingFor(2, {
  ...{ changes: true, votesNeeded: 1, votesTaken: 1 },
  ...{ authority: 1, fence: 1, takeover: 3 },
});
