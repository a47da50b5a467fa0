import { forgetRevisions } from './known-revisions.ts';
import type { Machine } from './machine.ts';
import type { Command, Fault } from './commands.ts';
import { carryOutWish, isWish } from './users.ts';
import type { World } from './world.ts';

type CommandOf<K extends Fault['do']> = Extract<Fault, { do: K }>;

/** Carries out one entry of a plan, and ends it again where it has an end. */
export function carryOut(world: World, command: Command): void {
  if (command.do === 'strike') world.strikes.arm(command);
  else if (isWish(command)) carryOutWish(world, command);
  else carryOutFault(world, command);
}

function carryOutFault(world: World, command: Fault): void {
  switch (command.do) {
    case 'power-loss':
    case 'reset':
      return losePower(world, command);
    case 'freeze':
      return freeze(world, command);
    case 'pause-agent':
    case 'pause-guard':
    case 'stall-guard':
    case 'worst-guard':
      return pauseProcess(world, command);
    case 'crash-agent':
      return crashAgent(world, command);
    case 'crash-guard':
      return crashGuard(world, command);
    case 'cut':
      return cut(world, command);
    case 'clog':
      return clog(world, command);
    case 'lose-messages':
      return loseMessages(world, command);
    case 'stop-store':
      return stopStore(world, command);
    case 'stall-store-disk':
    case 'stall-watch':
    case 'stall-storage':
      return stall(world, command);
    case 'fill-store':
      return fillStore(world, command);
    case 'crash-guest':
    case 'hang-guest':
      return crashGuest(world, command);
    case 'controller': {
      const machine = world.machine(command.node);
      machine.controllerWorks = command.mode !== 'dead';
      machine.controllerSlow = command.mode === 'slow';
      return say(
        world,
        `the management controller of ${command.node} ${command.mode === 'works' ? 'works' : `is ${command.mode}`}`,
      );
    }
    case 'seat':
    case 'unseat':
      return changeSeat(world, command);
    case 'save-store':
      say(world, 'the whole store is copied');
      return world.store.save();
    case 'restore-store':
      return restoreStore(world);
  }
}

function say(world: World, text: string): void {
  if (world.telling) world.tell({ kind: 'fault', text });
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** Whatever happens to one of these machines until then is not unnecessary. */
function disturb(world: World, machines: readonly Machine[], forMs: number): void {
  const until = world.engine.now + forMs;
  for (const machine of machines) machine.disturbedAt = Math.max(machine.disturbedAt, until);
}

function losePower(world: World, { do: what, node, backAfter }: CommandOf<'power-loss' | 'reset'>): void {
  const machine = world.machine(node);
  if (!machine.powered || machine.gone) return;
  say(world, what === 'reset' ? `${node} is reset` : `${node} loses power`);
  disturb(world, [machine], 0);
  machine.powerOff(what === 'reset' ? 'by hand' : 'power failed', 'off');
  if (backAfter === null) return;
  world.engine.after(backAfter, () => {
    if (machine.powered) return;
    disturb(world, [machine], 20_000);
    machine.boot(world.random.machines.between(3000, 9000));
    world.topologyChanged();
  });
}

function freeze(world: World, { node, forMs }: CommandOf<'freeze'>): void {
  const machine = world.machine(node);
  // Without a watchdog nothing ends the freeze, and the machine goes on where it was: that is only safe because nobody takes it over.
  if (!machine.executes) return;
  say(world, `${node} stands still for ${seconds(forMs)}`);
  disturb(world, [machine], forMs);
  machine.freeze();
  const { boots } = machine;
  world.engine.after(forMs, () => {
    if (machine.boots !== boots || !machine.frozen) return;
    say(world, `${node} goes on`);
    machine.thaw();
  });
}

function pauseProcess(
  world: World,
  command: CommandOf<'pause-agent' | 'pause-guard' | 'stall-guard' | 'worst-guard'>,
): void {
  const { node, forMs } = command;
  const machine = world.machine(node);
  disturb(world, [machine], forMs);
  if (command.do === 'worst-guard') {
    // Cut off, with the slowest guard that the fence bound has to cover.
    if (machine.guard !== null) machine.guard.worst = true;
    return cut(world, { ...command, do: 'cut', from: node, to: [], networks: ['cluster', 'client'], oneWay: false });
  }
  if (command.do === 'stall-guard') {
    if (machine.guard !== null) machine.guard.stallMs = forMs;
    return say(world, `the guard of ${node} stands still for ${seconds(forMs)} between looking and acting`);
  }
  const process = command.do === 'pause-agent' ? machine.agentProcess : machine.guardProcess;
  say(world, `the ${command.do === 'pause-agent' ? 'agent' : 'guard'} of ${node} stands still for ${seconds(forMs)}`);
  process.stop();
  world.topologyChanged();
  world.engine.after(forMs, () => {
    process.resume();
    world.topologyChanged();
  });
}

function crashAgent(world: World, { node, backAfter }: CommandOf<'crash-agent'>): void {
  const machine = world.machine(node);
  if (machine.agent === null) return;
  // An agent that is back in time disturbs nobody.
  if (backAfter > 1500) disturb(world, [machine], backAfter + 3000);
  say(world, `the agent of ${node} is killed`);
  machine.crashAgent();
  world.topologyChanged();
  const { boots } = machine;
  world.engine.after(backAfter, () => {
    if (machine.boots === boots) machine.startAgent();
    world.topologyChanged();
  });
}

function crashGuard(world: World, { node, backAfter }: CommandOf<'crash-guard'>): void {
  const machine = world.machine(node);
  if (machine.guard === null) return;
  disturb(world, [machine], 5000);
  say(world, `the guard of ${node} is killed`);
  machine.crashGuard();
  // With an armed watchdog it is not started again: the watchdog resets the node.
  if (machine.armed) return;
  const { boots } = machine;
  world.engine.after(backAfter, () => {
    if (machine.boots === boots) machine.startGuard();
  });
}

function cut(world: World, { from, to, networks, oneWay, forMs }: CommandOf<'cut'>): void {
  const machine = world.machine(from);
  const others = world.machines.filter((other) => other !== machine && (to.length === 0 || to.includes(other.name)));
  if (others.length === 0) return;
  const what = to.length === 0 ? 'everything' : to.join(', ');
  say(
    world,
    `${from} is cut off from ${what} on ${networks.join(' and ')}${oneWay ? ', one way' : ''} for ${seconds(forMs)}`,
  );
  disturb(world, [machine, ...(to.length === 0 ? [] : others)], forMs);
  const change = (act: 'cut' | 'mend') => {
    for (const other of others) {
      for (const network of networks) {
        world.network[act](machine.index, other.index, network);
        if (!oneWay) world.network[act](other.index, machine.index, network);
      }
    }
    world.topologyChanged();
  };
  change('cut');
  world.engine.after(forMs, () => {
    say(world, `the cables of ${from} are mended`);
    change('mend');
  });
}

function clog(world: World, { from, to, forMs }: CommandOf<'clog'>): void {
  const [a, b] = [world.machine(from), world.machine(to)];
  if (a === b) return;
  say(world, `what ${from} sends to ${to} is held back for ${seconds(forMs)}`);
  disturb(world, world.machines, forMs);
  world.network.clog(a.index, b.index, world.engine.now + forMs);
}

function loseMessages(world: World, { rate, forMs }: CommandOf<'lose-messages'>): void {
  say(world, `${Math.round(rate * 100)} % of all messages between agents are lost for ${seconds(forMs)}`);
  disturb(world, world.machines, forMs);
  world.network.lossRate = rate;
  world.engine.after(forMs, () => {
    world.network.lossRate = 0;
  });
}

function stopStore(world: World, { nodes, forMs }: CommandOf<'stop-store'>): void {
  say(world, `etcd stops on ${nodes.join(', ')} for ${seconds(forMs)}`);
  const boots = nodes.map((node) => world.machine(node).boots);
  for (const node of nodes) world.store.setProcess(world.machine(node).index, false);
  world.topologyChanged();
  world.engine.after(forMs, () => {
    nodes.forEach((node, index) => {
      const machine = world.machine(node);
      if (machine.boots === boots[index] && machine.powered) machine.startMember();
    });
    say(world, `etcd runs again on ${nodes.join(', ')}`);
    world.topologyChanged();
  });
}

function stall(
  world: World,
  { do: what, node, forMs }: CommandOf<'stall-store-disk' | 'stall-watch' | 'stall-storage'>,
): void {
  const machine = world.machine(node);
  const until = world.engine.now + forMs;
  if (what === 'stall-store-disk') {
    say(world, `the disk of the store on ${node} hangs for ${seconds(forMs)}`);
    // A disk that hangs now and then disturbs whoever waits for it.
    disturb(world, world.machines, forMs);
    world.store.stallDisk(machine.index, until);
  } else if (what === 'stall-watch') {
    say(world, `${node} hears nothing from its watch for ${seconds(forMs)}`);
    const watcher = machine.agent?.watcher;
    if (watcher != null) watcher.stalledUntil = until;
  } else {
    say(world, `the storage does not answer ${node} for ${seconds(forMs)}`);
    disturb(world, [machine], forMs);
    machine.storageStalledUntil = until;
  }
}

function fillStore(world: World, { forMs }: CommandOf<'fill-store'>): void {
  say(world, `the store is full for ${seconds(forMs)}`);
  world.store.full = true;
  world.topologyChanged();
  world.engine.after(forMs, () => {
    say(world, 'the store has room again');
    world.store.full = false;
    world.topologyChanged();
  });
}

function crashGuest(world: World, { do: what, vm }: CommandOf<'crash-guest' | 'hang-guest'>): void {
  for (const machine of world.machines) {
    for (const qemu of machine.qemus) {
      if (qemu.vm !== vm || !qemu.executing) continue;
      if (what === 'hang-guest') {
        say(world, `a write of ${vm} on ${machine.name} hangs in the kernel`);
        disturb(world, [machine], 600_000);
        qemu.ioUntil = Infinity;
        return;
      }
      say(world, `QEMU of ${vm} crashes on ${machine.name}`);
      machine.end(qemu);
      machine.agentProcess.deliver(() => {
        machine.agent?.vms.look(vm);
        machine.agent?.migrations.copyEnded(qemu);
      });
      return;
    }
  }
}

function changeSeat(world: World, { do: what, node }: CommandOf<'seat' | 'unseat'>): void {
  const machine = world.machine(node);
  say(world, what === 'seat' ? `${node} gets a member of the store` : `the member of the store on ${node} is removed`);
  if (what === 'seat') world.store.seat(machine.index);
  else world.store.unseat(machine.index);
  world.membersChanged();
}

function restoreStore(world: World): void {
  say(world, 'the store is lost, and set back to its copy');
  disturb(world, world.machines, 60_000);
  world.store.restore();
  if (world.machines.some(({ powered }) => powered)) world.oracle.storeSetBack();
  // Who restores it with all machines off does so as it is described.
  else for (const { notes } of world.machines) forgetRevisions(notes);
  for (const machine of world.machines) machine.agentProcess.deliver(() => machine.agent?.readAnew());
}

/** Everything is mended and back. */
export function heal(world: World): void {
  say(world, 'everything is mended');
  world.network.mendAll();
  world.store.full = false;
  for (const machine of world.machines) {
    machine.storageStalledUntil = 0;
    machine.controllerWorks = true;
    machine.controllerSlow = false;
    if (machine.gone) continue;
    if (machine.frozen) machine.thaw();
    if (!machine.powered) machine.boot(5000);
    else machine.startMember();
    machine.agentProcess.resume();
    machine.guardProcess.resume();
    machine.startAgent();
  }
  world.topologyChanged();
}
