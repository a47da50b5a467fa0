import type { MigrationIntent } from '../src/model/intent.ts';
import type { SimulatedAgent } from './agent.ts';
import type { MigrationDriver } from './migration-driver.ts';
import type { Qemu } from './qemu.ts';

const TRIES_MAX = 40;

/**
 * QEMU's side of a live migration: memory goes over, the guest is stopped, the destination loads the rest, and the source learns of it,
 * or resumes its guest by itself.
 */
export function startTransfer(
  agent: SimulatedAgent,
  { source, intent }: { readonly source: Qemu; readonly intent: MigrationIntent },
): void {
  const { world, machine } = agent;
  const { engine, random, network } = world;
  const other = world.machine(intent.destination);
  // Whoever drives it then: the agent may have been restarted meanwhile.
  const tell = (run: (driver: MigrationDriver) => void) =>
    machine.agentProcess.deliver(() => {
      const driver = machine.agent?.migrations.driverOf(intent.migrationId);
      if (driver !== undefined) run(driver);
    });
  const status = (value: Qemu['migration']['status']) => {
    source.migration = { of: intent.migrationId, status: value };
    tell((driver) => driver.status(value));
  };
  const going = () => isUnderWay(source, intent);
  const copy = () => [...other.qemus].find((qemu) => qemu.incoming === intent.migrationId && qemu.alive && !qemu.dying);
  const moves = () =>
    source.ioUntil <= engine.now && !source.frozen && machine.executes && other.executes && copy()?.frozen === false;
  const linked = () =>
    network.passes(machine.index, other.index, 'cluster') && network.passes(other.index, machine.index, 'cluster');
  const reached = (moment: 'stopped' | 'loaded' | 'failed' | 'completed') => world.strikes.reached(moment, intent);
  status('active');
  const paused = () => source.state === 'paused';

  const fail = (wasPaused: boolean) => {
    status('failed');
    // The source resumes the guest without being told.
    if (!wasPaused && source.state === 'paused') {
      source.state = 'running';
      world.oracle.changed(source);
      tell((driver) => driver.resumed());
    }
    reached('failed');
  };
  const load = (wasPaused: boolean, tries: number) => {
    if (!going()) return;
    if (!linked() || copy() === undefined || tries > TRIES_MAX) return fail(wasPaused);
    if (!moves()) return void engine.after(100, () => load(wasPaused, tries + 1));
    const destination = copy();
    if (destination === undefined) return fail(wasPaused);
    destination.loaded = true;
    destination.memoryOf = source.memoryOf;
    destination.state = 'paused';
    reached('loaded');
    // The last word of the destination may be lost: then it has everything, and the source goes on.
    engine.after(random.qemu.between(1, 4), () => {
      if (!going()) return;
      if (!linked() || random.qemu.chance(0.1)) return fail(wasPaused);
      source.state = 'postmigrate';
      reached('completed');
      status('completed');
    });
  };
  engine.after(random.qemu.skewed(400, 20_000), () => {
    if (!going()) return;
    const wasPaused = paused();
    if (!wasPaused) {
      if (source.executing) machine.flush(source);
      source.state = 'paused';
      world.oracle.changed(source);
      tell((driver) => driver.stopped());
    }
    status('device');
    reached('stopped');
    engine.after(random.qemu.between(15, 60), () => load(wasPaused, 0));
  });
}

function isUnderWay({ alive, dying, machine, migration }: Qemu, { migrationId }: MigrationIntent): boolean {
  return (
    alive &&
    !dying &&
    machine.powered &&
    migration.of === migrationId &&
    ['active', 'device'].includes(migration.status)
  );
}
