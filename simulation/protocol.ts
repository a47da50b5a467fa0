import { startAuthority, stepAuthority } from '../src/failover/authority.ts';
import { nextDrainSteps } from '../src/failover/drain.ts';
import { decideFailback } from '../src/failover/failback.ts';
import { decideElsewhere } from '../src/failover/elsewhere.ts';
import { takeoverTerms } from '../src/failover/quorum.ts';
import { actsNow, dueSince, rankOf } from '../src/failover/rank.ts';
import { decideRecovery } from '../src/failover/recovery.ts';
import { decideJoin } from '../src/failover/rejoin.ts';
import { settleIntent } from '../src/failover/settle-intent.ts';
import { nextStarts } from '../src/failover/start-pacing.ts';
import { staleMemory } from '../src/failover/stale-memory.ts';
import { judgeStoreAnswer } from '../src/failover/store-regression.ts';
import { decideTakeover, sightsOf } from '../src/failover/takeover.ts';
import { startVoter, stepVoter } from '../src/failover/voter.ts';
import { decideGuard } from '../src/guard/decide-guard.ts';
import { decideMigration } from '../src/migration/decide.ts';
import { decideVm } from '../src/agent/decide-vm.ts';

/** The production decisions, as the simulation calls them. A mutation puts a broken one in the place of one of them. */
export const PRODUCTION = {
  ...{ startAuthority, stepAuthority, startVoter, stepVoter, takeoverTerms, decideGuard },
  ...{ sightsOf, decideTakeover, decideRecovery, decideElsewhere, staleMemory, nextDrainSteps },
  ...{ decideFailback, decideJoin, nextStarts, judgeStoreAnswer },
  ...{ rankOf, actsNow, dueSince, settleIntent, decideMigration, decideVm },
};
export type Protocol = typeof PRODUCTION;
