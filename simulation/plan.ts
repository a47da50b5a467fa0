import { nodeChanges, rollingRestarts, seatChanges } from './change-plans.ts';
import type { ClusterPlan, Profile, VmPlan } from './cluster-plan.ts';
import type { Command } from './commands.ts';
import { SeededRandom } from './random.ts';
import { strikesOf } from './strike-plans.ts';

export interface Plan {
  readonly cluster: ClusterPlan;
  readonly commands: readonly Command[];
}

const MINUTE = 60_000;

/** All that a seed means: the cluster and what happens to it. */
export function planOf(seed: number, profile: Profile): Plan {
  const random = new SeededRandom(seed, `plan ${profile}`);
  const cluster = clusterOf(random, seed, profile);
  const commands = [...faultsOf(random, cluster), ...workOf(random, cluster)];
  return { cluster, commands: commands.sort((a, b) => a.at - b.at) };
}

function clusterOf(random: SeededRandom, seed: number, profile: Profile): ClusterPlan {
  const count = random.pick([2, 3, 3, 3, 4, 5, 7]);
  const size = profile === 'safety' && random.chance(0.1) ? random.whole(1, 9) : count;
  const nodes = Array.from({ length: size }, (_, index) => `node${index + 1}`);
  const witness = size === 2 || (size % 2 === 0 && random.chance(0.5)) ? 'agent' : 'none';
  const vms = Array.from({ length: random.whole(1, Math.min(6, 2 * size)) }, (_, index): VmPlan => {
    const apart = random.chance(0.15);
    return {
      name: `vm${index + 1}`,
      node: random.pick(nodes),
      memoryMiB: 256 * random.whole(1, 4),
      highlyAvailable: !random.chance(0.1) || profile === 'nominal',
      priority: random.pick(['high', 'medium', 'low'] as const),
      antiAffinity: [],
      possibleOwners: apart && profile === 'safety' ? nodes.slice(0, Math.max(1, size - 1)) : [],
    };
  }).map((vm) => (vm.possibleOwners.length > 0 ? { ...vm, node: vm.possibleOwners[0] ?? vm.node } : vm));
  vms.push(...crowdOf({ seed, profile, nodes }, vms.length));
  const watched = profile === 'nominal' || profile === 'liveness' || random.chance(0.85);
  return {
    ...{ seed, profile, nodes, witness, vms },
    ...(profile === 'membership' && size >= 3 && { spares: ['spare1', 'spare2'].slice(0, random.whole(0, 2)) }),
    watchdogMs: watched ? 2000 : null,
    controllers: random.chance(0.4),
    nodeMemoryMiB: 8192,
    clockRates: Array.from({ length: size + 1 }, () => 1 + random.between(-0.01, 0.01)),
    minutes: 10,
    healAt: profile === 'liveness' || profile === 'upgrade' || profile === 'membership' ? 7 * MINUTE : null,
  };
}

/** Now and then many small ones on one node, more than it starts at the same time. */
function crowdOf({ seed, profile, nodes }: Pick<ClusterPlan, 'seed' | 'profile' | 'nodes'>, there: number): VmPlan[] {
  const random = new SeededRandom(seed, `crowd ${profile}`);
  if ((profile !== 'safety' && profile !== 'liveness') || random.chance(0.93)) return [];
  const node = random.pick(nodes);
  return Array.from({ length: random.whole(5, 9) }, (_, index): VmPlan => {
    const priority = random.pick(['high', 'medium', 'low'] as const);
    const name = `vm${there + index + 1}`;
    return { name, node, memoryMiB: 128, highlyAvailable: true, priority, antiAffinity: [], possibleOwners: [] };
  });
}

type FaultKind = (typeof FAULTS)[number];
const FAULTS = [
  'power-loss',
  'reset',
  'freeze',
  'pause-agent',
  'pause-guard',
  'stall-guard',
  'worst-guard',
  'crash-agent',
  'crash-guard',
  'cut-off',
  'cut-store',
  'cut-one-way',
  'cut-pair',
  'clog',
  'lose-messages',
  'stop-store',
  'stop-all-stores',
  'stall-store-disk',
  'stall-watch',
  'stall-storage',
  'fill-store',
  'crash-guest',
  'controller',
] as const;

function faultsOf(random: SeededRandom, cluster: ClusterPlan): Command[] {
  const { nodes, minutes, healAt, profile } = cluster;
  if (profile === 'nominal') {
    const backAfter = random.chance(0.5) ? random.between(60_000, 120_000) : null;
    return [{ at: random.between(30_000, 120_000), do: 'power-loss', node: random.pick(nodes), backAfter }];
  }
  if (profile === 'upgrade') return rollingRestarts(random, cluster);
  const end = (healAt ?? minutes * MINUTE) - 30_000;
  // A swarm: each seed has only some kinds of faults, so that rare combinations come up.
  const kinds = FAULTS.filter(() => random.chance(0.4));
  if (kinds.length === 0) kinds.push('power-loss');
  const count = random.whole(3, profile === 'membership' ? 8 : 25);
  const faults = Array.from({ length: count }, () =>
    faultOf(random, { kind: random.pick(kinds), at: random.between(15_000, end), cluster }),
  );
  if (profile === 'membership') faults.push(...seatChanges(random, cluster), ...nodeChanges(random, cluster));
  if (random.chance(0.4)) faults.push(...partitionDance(random, cluster, end));
  if (profile === 'liveness' && nodes.length > 1) faults.push(...brokenMigrations(random, cluster, end));
  if (profile === 'safety' || profile === 'liveness') faults.push(...strikesOf(cluster, end));
  return faults;
}

/** Something happens to one of both ends while a guest is on its way. */
function brokenMigrations(random: SeededRandom, cluster: ClusterPlan, end: number): Command[] {
  return Array.from({ length: random.whole(0, 6) }).flatMap((): Command[] => {
    const at = random.between(20_000, end - 60_000);
    const vm = random.pick(cluster.vms).name;
    const kind = random.pick([
      'power-loss',
      'reset',
      'crash-agent',
      'cut-off',
      'cut-pair',
      'crash-guest',
      'freeze',
    ] as const);
    const to = random.pick(cluster.nodes);
    const fault = faultOf(random, { kind, at: at + random.skewed(400, 12_000), cluster });
    return [
      { at, do: 'migrate', vm, to },
      'node' in fault && random.chance(0.4) ? ({ ...fault, node: to } as Command) : fault,
    ];
  });
}

/** A node without the store lives on promises, while its links to one voter after the other are cut and mended. */
function partitionDance(random: SeededRandom, { nodes, witness }: ClusterPlan, end: number): Command[] {
  const from = random.pick(nodes);
  const others = [...nodes, ...(witness === 'none' ? [] : ['witness'])].filter((one) => one !== from);
  if (others.length < 2) return [];
  const at = random.between(20_000, Math.max(20_001, end - 120_000));
  const forMs = random.between(30_000, 110_000);
  const whole: Command = random.chance(0.6)
    ? { at, do: 'cut', from, to: [], networks: ['cluster'], oneWay: false, forMs }
    : { at, do: 'stop-store', nodes: [...nodes, ...(witness === 'none' ? [] : ['witness'])], forMs };
  const steps: Command[] = [whole];
  for (let time = at + random.between(0, 4000), turn = random.whole(0, 1); time < at + forMs; turn += 1) {
    const length = random.between(5000, 14_000);
    const to = [others[turn % others.length] ?? from];
    steps.push({
      at: time,
      do: 'cut',
      from,
      to,
      networks: ['cluster', 'client'],
      oneWay: random.chance(0.2),
      forMs: length,
    });
    if (random.chance(0.5))
      steps.push({ at: time + random.between(0, 2500), do: 'crash-agent', node: to[0] ?? from, backAfter: 300 });
    time += length + random.between(-2500, 1500);
  }
  return steps;
}

function faultOf(
  random: SeededRandom,
  { kind, at, cluster }: { kind: FaultKind; at: number; cluster: ClusterPlan },
): Command {
  const machines = cluster.witness === 'none' ? cluster.nodes : [...cluster.nodes, 'witness'];
  const node = random.pick(cluster.nodes);
  const forMs = random.skewed(300, 60_000);
  const backAfter = random.skewed(2000, 90_000);
  switch (kind) {
    case 'power-loss':
    case 'reset':
      return { at, do: kind, node: random.pick(machines), backAfter };
    case 'freeze':
    case 'pause-agent':
      return { at, do: kind, node, forMs: random.skewed(100, 30_000) };
    case 'pause-guard':
    case 'stall-guard':
      return { at, do: kind, node, forMs: random.skewed(100, 4000) };
    case 'worst-guard':
      return { at, do: kind, node, forMs: random.skewed(1000, 60_000) };
    case 'crash-agent':
      return { at, do: kind, node: random.pick(machines), backAfter: random.skewed(200, 20_000) };
    case 'crash-guard':
      return { at, do: kind, node, backAfter: 1000 };
    case 'cut-off':
      return { at, do: 'cut', from: node, to: [], networks: ['cluster', 'client'], oneWay: false, forMs };
    case 'cut-store':
      return { at, do: 'cut', from: node, to: [], networks: ['cluster'], oneWay: false, forMs };
    case 'cut-one-way':
      return { at, do: 'cut', from: node, to: [], networks: ['cluster', 'client'], oneWay: true, forMs };
    case 'cut-pair':
      return {
        at,
        do: 'cut',
        from: node,
        to: [random.pick(machines)],
        networks: ['cluster', 'client'],
        oneWay: random.chance(0.5),
        forMs,
      };
    case 'clog':
      return { at, do: 'clog', from: node, to: random.pick(machines), forMs: random.skewed(500, 15_000) };
    case 'lose-messages':
      return { at, do: 'lose-messages', rate: random.between(0.05, 0.6), forMs };
    case 'stop-store':
      return { at, do: 'stop-store', nodes: [random.pick(machines)], forMs };
    case 'stop-all-stores':
      return { at, do: 'stop-store', nodes: machines, forMs };
    case 'stall-store-disk':
      return { at, do: kind, node: random.pick(machines), forMs: random.skewed(100, 20_000) };
    case 'stall-watch':
    case 'stall-storage':
      return { at, do: kind, node, forMs: random.skewed(500, 20_000) };
    case 'fill-store':
      return { at, do: kind, forMs };
    case 'crash-guest':
      return { at, do: kind, vm: random.pick(cluster.vms).name };
    case 'controller':
      return { at, do: kind, node, mode: random.pick(['works', 'dead', 'slow'] as const) };
  }
}

function workOf(random: SeededRandom, cluster: ClusterPlan): Command[] {
  const { nodes, vms, profile, minutes, healAt } = cluster;
  if (profile === 'nominal' || nodes.length < 2) return [];
  const end = (healAt ?? minutes * MINUTE) - 20_000;
  return Array.from({ length: random.whole(2, 12) }, (): Command => {
    const at = random.between(20_000, end);
    const vm = random.pick(vms).name;
    const roll = random.unit();
    // While nodes are upgraded nobody else stops a guest: then none may be stopped at all.
    if (roll < 0.65 || (profile === 'upgrade' && roll > 0.75)) return { at, do: 'migrate', vm, to: random.pick(nodes) };
    if (roll < 0.75) return { at, do: 'cancel', vm };
    if (roll < 0.82) return { at, do: 'turn-off', vm };
    if (roll < 0.93) return { at, do: 'start', vm };
    if (roll < 0.95) return { at, do: 'delete', vm };
    return { at, do: random.chance(0.5) ? 'pause-node' : 'resume-node', node: random.pick(nodes) };
  });
}
