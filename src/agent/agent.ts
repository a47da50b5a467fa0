import { knownNodes } from '../model/cluster-state.ts';
import type { PeerHandlers } from '../ports/peers.ts';
import type { AgentPorts } from './agent-ports.ts';
import { Coordinator } from './coordinator.ts';
import { DestinationCopies } from './destination-copies.ts';
import { closeUnfinishedReceipts } from './finish-receipt.ts';
import { HeldTraffic } from './held-traffic.ts';
import { LentPorts } from './lent-ports.ts';
import { startMemoryActivity } from './memory-activity.ts';
import { OpenMigrations } from './open-migrations.ts';
import { OwnedVms } from './owned-vms.ts';
import { tellStoreSilence } from './store-silence.ts';

const LOOK_EVERY_MS = 1000;

/**
 * The loops of one node: look at the cluster's state and at QEMU, decide, act, record. Returns when they run.
 * Nothing here is remembered across a restart; what matters is in the store, in QEMU, or noted beside QEMU.
 */
export async function startAgent(
  ports: AgentPorts,
  standing: Pick<PeerHandlers, 'promise' | 'renew-certificate'>,
): Promise<void> {
  const { config, bootId, suspended, hypervisor, instances, view, peers, clock, network, log, switchover } = ports;
  await switchover?.removeLeftovers().catch((error: unknown) => {
    // No reason not to start: guests and migrations come first.
    log.warn('Devices of an earlier switchover are left', { error });
  });
  await view.ready();
  // A frozen QEMU answers nothing: each is let go, or ended, before it is asked anything.
  await suspended.settled();
  for (const instance of await hypervisor.adopt()) {
    if (!instance.alive) {
      // A copy that may have run and ended while no agent was here. A copy nobody knows counts as one that may have run, so
      // the answer to its source stays the same without it; its tap and its notes go.
      await instance.kill();
      continue;
    }
    instances.add(instance);
    log.info('Found a QEMU process of an earlier agent', { vm: instance.vm, instance: instance.id, pid: instance.pid });
  }
  await suspended.takeUp();
  const traffic = new HeldTraffic(ports);
  const copies = new DestinationCopies(ports, traffic);
  const vms = new OwnedVms(ports);
  const migrations = new OpenMigrations(ports, (vm) => void vms.look(vm));
  const handlers: PeerHandlers = {
    ping: () => Promise.resolve({ bootId }),
    clock: () => Promise.resolve({ wallMs: clock.wallMs() }),
    ...copies.handlers(),
    ...traffic.handlers(),
    ...new LentPorts(ports).handlers(),
    ...standing,
  };
  await peers.serve(handlers);
  await removeLeftTaps(ports);
  log.debug('Switches of this node', { switches: network.switches() });
  // Ahead of the drivers: what they will close is theirs to finish.
  void closeUnfinishedReceipts(config.node, ports);
  migrations.lookAtAll(true);
  vms.lookAtAll();
  view.subscribe(() => {
    greetPeers(ports);
    migrations.lookAtAll(false);
    vms.lookAtAll();
  });
  clock.every(LOOK_EVERY_MS, () => {
    migrations.lookAtAll(false);
    vms.lookAtAll();
    void copies.removeOrphans();
  });
  greetPeers(ports);
  startMemoryActivity(ports);
  new Coordinator(ports).start();
  tellStoreSilence(config.node, view, ports.events);
}

/** Keeps a connection to every other node open, so that no call waits for a handshake. */
function greetPeers({ view, peers, config }: AgentPorts): void {
  for (const { facts } of knownNodes(view.current())) {
    const { name } = facts.value;
    if (name === config.node || facts.value.role === 'witness') continue;
    peers.peer(name, facts.value.addresses, facts.value.peerPort);
  }
}

/** Taps of QEMU processes that ended while no agent was there. */
async function removeLeftTaps({ network, instances }: AgentPorts): Promise<void> {
  const known = new Set(
    instances.all().flatMap(({ id }) => Array.from({ length: 16 }, (_, index) => network.tapName(id, index))),
  );
  for (const tap of await network.plugged()) {
    if (!known.has(tap)) await network.removeTap(tap);
  }
}
