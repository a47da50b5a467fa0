import type { ClusterPlan } from './cluster-plan.ts';
import type { Command, Fault, Moment } from './commands.ts';
import { SeededRandom } from './random.ts';

const BOTH = ['cluster', 'client'] as const;
/** Of a guest's way, in this order. */
const ON_THE_WAY: readonly Moment[] = ['stopped', 'loaded', 'completed', 'go', 'failed', 'closing'];

/**
 * Faults around the commit points: of a migration, of a takeover, of an assignment, of an admission of memory. They have a stream of
 * their own, so that the other faults of a seed stay as they are.
 */
export function strikesOf(cluster: ClusterPlan, end: number): Command[] {
  const { seed, profile, nodes } = cluster;
  const random = new SeededRandom(seed, `strikes ${profile}`);
  if (nodes.length < 2 || random.chance(0.4)) return [];
  const found: Command[] = [];
  for (let left = random.whole(1, 5); left > 0; left -= 1) {
    const at = random.between(20_000, Math.max(20_001, end - 60_000));
    const kind = random.unit();
    if (kind < 0.6) found.push(...onTheWay(random, cluster, at));
    else if (kind < 0.75) found.push(...whileTakenOver(random, cluster, at));
    else if (kind < 0.87 && nodes.length === 3) found.push(...whileVoting(random, cluster, at));
    else found.push(...atOnce(random, cluster, at));
  }
  return found;
}

function onTheWay(random: SeededRandom, { nodes, vms }: ClusterPlan, at: number): Command[] {
  const vm = random.pick(vms).name;
  const wish = { at, do: 'migrate', vm, to: random.pick(nodes) } as const;
  const { moment, hits } = random.pick([sourceOfLoaded, destinationOfGo, sourceOfGo, withoutStore, anything])(random);
  return [wish, { at, do: 'strike', moment, vm, hits }];
}

interface Blow {
  readonly moment: Moment;
  readonly hits: readonly Fault[];
}

const moments = (random: SeededRandom) => random.skewed(0.05, 8);
const back = (random: SeededRandom) => random.skewed(20_000, 90_000);

function ends(random: SeededRandom, node: string, at: number): Fault {
  const kind = random.pick(['power-loss', 'power-loss', 'reset', 'freeze', 'cut'] as const);
  if (kind === 'freeze') return { at, do: kind, node, forMs: random.skewed(2000, 30_000) };
  if (kind === 'cut') return cutOff(node, at, random.skewed(5000, 60_000));
  return { at, do: kind, node, backAfter: back(random) };
}

function cutOff(from: string, at: number, forMs: number): Fault {
  return { at, do: 'cut', from, to: [], networks: BOTH, oneWay: false, forMs };
}

function between(at: number, forMs: number, oneWay = false): Fault {
  return { at, do: 'cut', from: 'source', to: ['destination'], networks: BOTH, oneWay, forMs };
}

/** The destination has everything, the source does not know and goes on with its guest; then it ends. */
function sourceOfLoaded(random: SeededRandom): Blow {
  const later = random.skewed(8, 1500);
  return {
    moment: 'loaded',
    hits: [between(0.01, random.skewed(3000, 60_000)), ends(random, 'source', later)],
  };
}

/** The guest runs at the destination, which ends before anybody has written it down. */
function destinationOfGo(random: SeededRandom): Blow {
  // Its answer never comes, or it ends before it could send one.
  const answers = random.chance(0.4);
  const later = answers ? moments(random) : random.skewed(0.05, 3000);
  const hits: Fault[] = [ends(random, 'destination', later)];
  if (!answers) hits.unshift(between(0, random.skewed(5000, 60_000)));
  return { moment: 'go', hits };
}

/** The source ends before anybody has written down that the guest runs at the destination, which is slow to answer for it. */
function sourceOfGo(random: SeededRandom): Blow {
  const hits: Fault[] = [ends(random, 'source', moments(random))];
  const at = random.between(3000, 9000);
  const forMs = random.between(800, 3500);
  const silent = random.unit();
  if (silent < 0.3) hits.push({ at, do: 'pause-agent', node: 'destination', forMs });
  else if (silent < 0.6) hits.push({ at, do: 'crash-agent', node: 'destination', backAfter: forMs });
  else if (silent < 0.8) hits.push({ at, do: 'lose-messages', rate: 0.9, forMs: 2 * forMs });
  return { moment: random.pick(['completed', 'go', 'closing'] as const), hits };
}

/** Nothing can be written down for a while, and one of both ends. */
function withoutStore(random: SeededRandom): Blow {
  const forMs = random.skewed(1000, 20_000);
  const stops: Fault = random.chance(0.5)
    ? { at: 0.01, do: 'stop-store', nodes: ['leader'], forMs }
    : { at: 0.01, do: 'fill-store', forMs };
  const end = ends(random, random.pick(['source', 'destination']), random.skewed(1, forMs));
  return { moment: random.pick(ON_THE_WAY), hits: [stops, end] };
}

function anything(random: SeededRandom): Blow {
  const node = random.pick(['source', 'destination']);
  const at = random.skewed(0.05, 3000);
  const hit = random.pick<Fault>([
    { at, do: 'crash-agent', node, backAfter: random.skewed(200, 8000) },
    { at, do: 'pause-agent', node, forMs: random.skewed(100, 10_000) },
    { at, do: 'stall-storage', node, forMs: random.skewed(200, 5000) },
    { at, do: 'clog', from: node, to: 'leader', forMs: random.skewed(200, 8000) },
    between(at, random.skewed(500, 20_000), random.chance(0.3)),
    ends(random, node, at),
  ]);
  return { moment: random.pick(ON_THE_WAY), hits: [hit] };
}

/** A node ends, and what somebody writes about it or its VMs comes late: others have acted by then. */
function whileTakenOver(random: SeededRandom, { nodes }: ClusterPlan, at: number): Command[] {
  const node = random.pick(nodes);
  const moment = random.chance(0.6) ? 'takeover' : 'assign';
  const hit = random.pick<Fault>([
    { at: 0, do: 'clog', from: 'actor', to: 'leader', forMs: random.skewed(500, 15_000) },
    { at: 0, do: 'clog', from: 'actor', to: 'leader', forMs: random.skewed(2000, 30_000) },
    { at: 0, do: 'clog', from: 'actor', to: 'leader', forMs: random.between(2500, 9000) },
    { at: random.between(0.3, 2), do: 'stop-store', nodes: ['leader'], forMs: random.skewed(1000, 20_000) },
    { at: 0.05, do: 'pause-agent', node: 'actor', forMs: random.skewed(500, 10_000) },
  ]);
  const end: Fault = random.chance(0.5)
    ? { at, do: 'power-loss', node, backAfter: random.skewed(4000, 40_000) }
    : cutOff(node, at, random.skewed(4000, 20_000));
  return [end, { at, do: 'strike', moment, vm: null, hits: [hit] }];
}

/**
 * A node without the store, which lives on promises of two voters. One of them does not hear it for so long that it votes, and its agent
 * ends with that; then it hears it again, and the other one does not.
 */
function whileVoting(random: SeededRandom, { nodes }: ClusterPlan, at: number): Command[] {
  const from = random.pick(nodes);
  const others = nodes.filter((node) => node !== from);
  const [first = from, second = from] = random.chance(0.5) ? others : others.toReversed();
  const alone = (when: number, to: string, forMs: number): Command => {
    return { at: when, do: 'cut', from, to: [to], networks: BOTH, oneWay: random.chance(0.2), forMs };
  };
  const silent = random.between(8500, 11_000);
  const late = random.chance(0.5) ? [{ at: 0, do: 'clog' as const, from: 'actor', to: 'leader', forMs: 5000 }] : [];
  const end: Fault = {
    at: random.skewed(0.5, 300),
    do: 'crash-agent',
    node: 'actor',
    backAfter: random.skewed(200, 900),
  };
  return [
    { at, do: 'cut', from, to: [], networks: ['cluster'], oneWay: false, forMs: 60_000 },
    alone(at + random.between(0, 1500), first, silent),
    { at, do: 'strike', moment: 'vote', vm: null, hits: [...late, end] },
    alone(at + silent + random.between(1500, 3000), second, random.between(9000, 14_000)),
  ];
}

/** Several want memory of one node in the same instant. */
function atOnce(random: SeededRandom, { nodes, vms }: ClusterPlan, at: number): Command[] {
  const to = random.pick(nodes);
  return vms
    .filter(() => random.chance(0.8))
    .map(({ name }): Command => {
      const when = at + random.between(0, 3);
      return random.chance(0.8) ? { at: when, do: 'migrate', vm: name, to } : { at: when, do: 'start', vm: name };
    });
}
