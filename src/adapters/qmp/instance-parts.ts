import { GodwitError } from '../../model/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { ProcessIdentity } from '../processes/detached-process.ts';
import type { InstanceNotes, InstancePaths } from './instance-notes.ts';

/** What one QEMU process on this node is made of. */
export interface InstanceParts {
  readonly notes: InstanceNotes;
  readonly process: ProcessIdentity;
  readonly paths: InstancePaths;
  readonly pkiDirectory: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Removes taps and sockets; called once, when the process has ended. */
  readonly releaseTaps: () => Promise<void>;
  /** Removes the notes, and with them the proof that it may have run. */
  readonly forget: () => void;
}

/** HYPERVISOR_FAILED. `what` and `state` are the rest of a sentence about the process, and a whole one about the guest. */
export function instanceFailure(
  parts: InstanceParts,
  what: string,
  more: { state: string; cause?: unknown },
): GodwitError {
  const { notes, process } = parts;
  return new GodwitError(
    {
      code: 'HYPERVISOR_FAILED',
      message: `QEMU of VM ${notes.definition.name} (process ${process.pid}) ${what}.`,
      state: more.state,
      nextStep: "Look at the VM's state and at QEMU's log, then try again.",
      details: { log: notes.logFile },
    },
    more.cause,
  );
}
