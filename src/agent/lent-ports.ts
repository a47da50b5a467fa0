import type { PeerHandlers } from '../ports/peers.ts';
import type { AgentPorts } from './agent-ports.ts';
import { closedForMs, type KeptForMigration } from './closed-for.ts';

/** The borrower closes it half a second after its migration; where it cannot, this long after it the port goes by itself, in milliseconds. */
const KEPT_MS = 20_000;

/** Ports of this node's virtual switches through which other nodes watch their guests. */
export class LentPorts {
  readonly #ports: AgentPorts;
  /** By network identifier. */
  readonly #lent = new Map<number, KeptForMigration>();

  constructor(ports: AgentPorts) {
    this.#ports = ports;
    ports.clock.every(5000, () => this.#takeBackOld());
  }

  handlers(): Pick<PeerHandlers, 'open-probe-port' | 'close-probe-port'> {
    const { probes } = this.#ports;
    return {
      'open-probe-port': async ({ vm, migrationId, ...request }) => {
        this.#lent.set(request.observer.vni, { vm, migrationId, closedAtMs: null });
        return await probes.openPort(request);
      },
      'close-probe-port': async ({ vni }) => {
        await probes.closePort(vni);
        this.#lent.delete(vni);
        return {};
      },
    };
  }

  #takeBackOld(): void {
    const { log, probes } = this.#ports;
    for (const [vni, lent] of this.#lent) {
      if (closedForMs(lent, this.#ports) < KEPT_MS) continue;
      this.#lent.delete(vni);
      const { vm } = lent;
      probes.closePort(vni).catch((error: unknown) => log.warn('The port of a probe is left', { vm, error }));
    }
  }
}
