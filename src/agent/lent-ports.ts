import type { MigrationId, VmName } from '../model/names.ts';
import type { PeerHandlers } from '../ports/peers.ts';
import type { AgentPorts } from './agent-ports.ts';

interface LentPort {
  readonly vm: VmName;
  readonly migrationId: MigrationId;
  readonly lentAtMs: number;
}

/** The borrower closes it half a second after its migration; where it cannot, this long after it the port goes by itself, in milliseconds. */
const KEPT_MS = 20_000;

/** Ports of this node's virtual switches through which other nodes watch their guests. */
export class LentPorts {
  readonly #ports: AgentPorts;
  readonly #lent = new Map<number, LentPort>();

  constructor(ports: AgentPorts) {
    this.#ports = ports;
    ports.clock.every(5000, () => this.#takeBackOld());
  }

  handlers(): Pick<PeerHandlers, 'open-probe-port' | 'close-probe-port'> {
    const { probes, clock } = this.#ports;
    return {
      'open-probe-port': ({ vm, migrationId, ...request }) => {
        this.#lent.set(request.observer.vni, { vm, migrationId, lentAtMs: clock.monotonicMs() });
        return probes.openPort(request);
      },
      'close-probe-port': async ({ vni }) => {
        await probes.closePort(vni);
        this.#lent.delete(vni);
        return {};
      },
    };
  }

  #takeBackOld(): void {
    const { clock, log, probes, view } = this.#ports;
    if (!view.fresh()) return;
    for (const [vni, { vm, migrationId, lentAtMs }] of this.#lent) {
      const isOpen = view.current().vms.get(vm)?.intent?.value.migrationId === migrationId;
      if (isOpen || clock.monotonicMs() - lentAtMs < KEPT_MS) continue;
      this.#lent.delete(vni);
      probes.closePort(vni).catch((error: unknown) => log.warn('The port of a probe is left', { vm, error }));
    }
  }
}
