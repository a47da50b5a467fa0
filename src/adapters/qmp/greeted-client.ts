import { hasEnded } from './qemu-process.ts';
import type { InstanceParts } from './instance-parts.ts';
import { QmpClient, type QmpListener } from './qmp-client.ts';

const CONNECT_TIMEOUT_MS = 2000;
const CONNECT_PAUSE_MS = 10;

/**
 * A connection to the monitor. Tries for as long as one command may take: QEMU's queue for new connections has room for one, so
 * that a busy QEMU turns others away. Gives up early once the process has ended or `released` says so.
 */
export async function greetedClient(
  { clock, notes, paths, process }: InstanceParts,
  listener: QmpListener,
  released: () => boolean,
): Promise<QmpClient> {
  const giveUpAtMs = clock.monotonicMs() + CONNECT_TIMEOUT_MS;
  for (;;) {
    try {
      return await QmpClient.connect({
        path: paths.qmpSocket,
        subject: `VM ${notes.definition.name}`,
        clock,
        listener,
        deadlineMs: Math.max(1, Math.ceil(giveUpAtMs - clock.monotonicMs())),
      });
    } catch (error) {
      const late = clock.monotonicMs() + CONNECT_PAUSE_MS >= giveUpAtMs;
      if (late || released() || hasEnded(process)) throw error;
      await clock.sleep(CONNECT_PAUSE_MS);
    }
  }
}
