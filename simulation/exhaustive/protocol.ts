import { startAuthority, stepAuthority } from '../../src/failover/authority.ts';
import { startVoter, stepVoter } from '../../src/failover/voter.ts';

/** The reducers of the product, and the two compares that its transactions make. A mutation puts something broken in the place of one. */
export const PRODUCTION = {
  startAuthority,
  stepAuthority,
  startVoter,
  stepVoter,
  /** What a voter that starts anew finds on its disk. */
  notedOnDisk: (noted: number | null): number | null => noted,
  /** Whether a vote about `revision` counts while the newest heartbeat has `newest`; also when it is written. */
  isAbout: (revision: number, newest: number): boolean => revision === newest,
  /** Whether a heartbeat is committed although its node is fenced. */
  commitsWhenFenced: false,
};

export type Protocol = typeof PRODUCTION;
