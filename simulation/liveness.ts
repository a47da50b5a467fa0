import { keys } from '../src/model/keys.ts';
import type { NodeMembership } from '../src/model/authority.ts';
import type { VmOwner, VmRecord, VmStatus } from '../src/model/vm.ts';
import { seatTarget } from '../src/failover/store-seats.ts';
import type { Plan } from './plan.ts';
import type { World } from './world.ts';

/** After everything is mended, and some time: what is wanted to run runs, and nothing is stuck (I5, I10). */
export function checkLiveness(world: World): void {
  for (const machine of world.machines) {
    if (machine.gone) continue;
    const membership = world.store.get(keys.nodeMembership(machine.name))?.value as NodeMembership | undefined;
    if (membership?.state !== 'member') world.oracle.fail('I10', `${machine.name} is not a member again`);
    if (machine.groupFrozen) world.oracle.fail('I10', `the VMs of ${machine.name} are still frozen`);
  }
  for (const vm of world.vmNames) checkVm(world, vm);
  for (const node of world.procedures.underWay) world.oracle.fail('I10', `the upgrade of ${node} is not through`);
  if (world.plan.profile === 'membership') checkSeats(world);
}

/** The store is back at the number of voters that its nodes ask for. */
function checkSeats(world: World): void {
  const members = world.machines.filter(
    ({ gone, name }) => !gone && world.store.get(keys.nodeFacts(name)) !== undefined,
  );
  const target = seatTarget(members.map(({ options: { role } }) => ({ role })));
  const seats = world.store.members.length;
  if (seats !== target) world.oracle.fail('I10', `the store has ${seats} voters and should have ${target}`);
}

function checkVm(world: World, vm: string): void {
  const record = world.store.get(keys.vmRecord(vm))?.value as VmRecord | undefined;
  const status = world.store.get(keys.vmStatus(vm))?.value as VmStatus | undefined;
  const owner = world.store.get(keys.vmOwner(vm))?.value as VmOwner | undefined;
  const truth = world.oracle.truth(vm);
  const acknowledged = world.acknowledged.get(vm);
  if (record === undefined) {
    if (acknowledged?.desired !== 'deleted') world.oracle.fail('I5', `${vm} is gone though nobody deleted it`);
    return;
  }
  if (acknowledged?.desired === 'deleted') world.oracle.fail('I5', `${vm} was deleted and is there again`);
  if (world.store.get(keys.vmIntent(vm)) !== undefined) {
    // One that was opened just now may go on.
    const intent = world.store.get(keys.vmIntent(vm))?.value as { requestedAt: string };
    if (world.wallMs() - Date.parse(intent.requestedAt) > 80_000)
      world.oracle.fail('I10', `the migration of ${vm} is stuck`);
    return;
  }
  if (acknowledged?.desired === 'off' && truth.running.size > 0) {
    world.oracle.fail('I5', `${vm} runs though it was turned off`);
  }
  if (record.desired !== 'running' || !record.highlyAvailable || truth.running.size > 0) return;
  if (status?.state === 'failed') return;
  const where = `${owner?.node ?? 'nobody'}, status ${status?.state ?? 'none'} (${status?.reason ?? ''})`;
  world.oracle.fail('I10', `${vm} is to run and does not: owner ${where}`);
}

const TIME_TO_RESTART_MS = 10_000;

/** In the nominal profile one node loses power, and nothing else happens: its VMs run again elsewhere in time (I11). */
export function checkTiming(world: World, plan: Plan): void {
  const crash = plan.commands.find((command) => command.do === 'power-loss');
  if (crash === undefined || !('node' in crash) || plan.cluster.watchdogMs === null) return;
  const voters = plan.cluster.nodes.length + (plan.cluster.witness === 'none' ? 0 : 1);
  if (voters < 3) return;
  let owned: string[] = [];
  world.engine.at(crash.at - 1, () => {
    owned = world.vmNames.filter(
      (vm) => (world.store.get(keys.vmOwner(vm))?.value as VmOwner | undefined)?.node === crash.node,
    );
  });
  world.engine.at(crash.at + TIME_TO_RESTART_MS, () => {
    for (const vm of owned) {
      if (world.oracle.truth(vm).running.size > 0) continue;
      const status = world.store.get(keys.vmStatus(vm))?.value as VmStatus | undefined;
      world.oracle.fail(
        'I11',
        `${vm} does not run 10 s after ${crash.node} lost power: ${status?.state} ${status?.reason}`,
      );
    }
  });
}
