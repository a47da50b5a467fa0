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
