// Switches and volumes as the nodes and VMs name them: which nodes have each, which lack it, what is on it.
import type { NodeView } from '../../../src/contract/cluster.ts';
import type { VmView } from '../../../src/contract/vms.ts';

interface Place {
  readonly name: string;
  readonly nodes: readonly string[];
  /** Nodes that run VMs and do not have it. */
  readonly missingOn: readonly string[];
  /** By name. */
  readonly vms: readonly string[];
}

/** Also those that only a VM names: it cannot run anywhere. */
export function switchPlaces(nodes: readonly NodeView[], vms: readonly VmView[]): Place[] {
  const workers = nodes.filter(({ role }) => role === 'node');
  const users = new Map<string, Set<string>>();
  for (const vm of vms) {
    for (const { switchName } of vm.nics) users.set(switchName, (users.get(switchName) ?? new Set()).add(vm.name));
  }
  const names = new Set([...workers.flatMap(({ switches }) => switches), ...users.keys()]);
  return [...names].sort().map((name) => ({
    name,
    ...spread(workers, (node) => node.switches.includes(name)),
    vms: [...(users.get(name) ?? [])].sort(),
  }));
}

interface VolumePlace extends Place {
  readonly path: string;
  readonly disks: number;
  /** Virtual sizes of the disks on it, together. */
  readonly provisionedBytes: number;
}

interface LooseDisk {
  readonly vm: string;
  readonly path: string;
  readonly sizeBytes: number;
}

/** `loose`: disks that are on no volume. */
export function volumePlaces(
  nodes: readonly NodeView[],
  vms: readonly VmView[],
): { readonly volumes: readonly VolumePlace[]; readonly loose: readonly LooseDisk[] } {
  const workers = nodes.filter(({ role }) => role === 'node');
  const names = new Map(workers.flatMap(({ volumes }) => volumes.map(({ name, path }) => [path, name] as const)));
  // The deepest first: a volume may be mounted inside of another one.
  const paths = [...names.keys()].sort((left, right) => right.length - left.length);
  const onVolume = new Map<string, LooseDisk[]>();
  const loose: LooseDisk[] = [];
  for (const vm of vms) {
    for (const { path, sizeBytes } of vm.disks) {
      const disk = { vm: vm.name, path, sizeBytes };
      const found = paths.find((one) => path.startsWith(`${one}/`));
      if (found === undefined) loose.push(disk);
      else onVolume.set(found, [...(onVolume.get(found) ?? []), disk]);
    }
  }
  const volumes = [...names].map(([path, name]) => {
    const disks = onVolume.get(path) ?? [];
    return {
      ...{ name, path, disks: disks.length },
      ...spread(workers, (node) => node.volumes.some((volume) => volume.path === path)),
      vms: [...new Set(disks.map(({ vm }) => vm))].sort(),
      provisionedBytes: disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    };
  });
  return { volumes: volumes.sort((left, right) => (left.name < right.name ? -1 : 1)), loose };
}

function spread(workers: readonly NodeView[], has: (node: NodeView) => boolean): Pick<Place, 'nodes' | 'missingOn'> {
  return {
    nodes: workers.filter(has).map(({ name }) => name),
    missingOn: workers.filter((node) => !has(node)).map(({ name }) => name),
  };
}
