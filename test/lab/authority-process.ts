/** Stands for the agent of a lab node: extends the guard's deadline for as long as it runs. Arguments: the guard's socket. */
import { createGuardLink } from '../../src/adapters/guard-link/guard-link.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { silentLog } from '../integration/peer-link-fixture.ts';

const link = createGuardLink({ socket: process.argv[2] ?? '', clock: systemClock, log: silentLog });
const extend = () => link.extend(systemClock.monotonicMs() + 3000);
extend();
setInterval(extend, 500);
