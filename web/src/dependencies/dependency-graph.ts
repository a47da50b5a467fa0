// What a VM depends on, as a graph: data in, boxes and lines out. Words are chosen by the page: here are only kinds, names and reasons.
import type { NodeView } from '../../../src/contract/cluster.ts';
import type { VmView } from '../../../src/contract/vms.ts';
import { nodeTone, type Tone, vmTone } from '../ui/tones.ts';

export type BoxKind = 'vm' | 'disk' | 'cdrom' | 'nic' | 'volume' | 'path' | 'switch' | 'owners' | 'node' | 'nodes';

/** Why a box looks as it does: a sentence of the page's texts with its names, or one of the server's. */
export type Why =
  | { readonly key: 'owner' | 'possible' | 'excluded' }
  | { readonly key: 'everywhere' | 'nowhere' }
  | { readonly key: 'missingOn' | 'missingOnOwner'; readonly nodes: readonly string[] }
  | { readonly key: 'lacks'; readonly what: readonly string[] }
  | { readonly key: 'noVolume' }
  | { readonly key: 'anyNode' }
  | { readonly key: 'onlyNodes' | 'together'; readonly nodes: readonly string[] }
  | { readonly key: 'server'; readonly text: string };

export interface Box {
  readonly id: string;
  readonly kind: BoxKind;
  readonly name: string;
  /** Second line: a path, an address, a size; empty: none. */
  readonly detail: string;
  /** Bytes for the second line of a disk. */
  readonly sizeBytes?: number;
  /** State of a VM or a node, for the second line. */
  readonly state?: string;
  /** Null: it has no state of its own. */
  readonly tone: Tone | null;
  readonly why: readonly Why[];
  /** Where a click leads; null: nowhere. */
  readonly href: string | null;
}

export interface Line {
  readonly from: string;
  readonly to: string;
  /** `runs`: it is there now. `lacks`: it would be needed there and is not. */
  readonly kind: 'needs' | 'has' | 'runs' | 'lacks';
}

export interface DependencyGraph {
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
}

/** What the cluster says of a node as the VM's next owner. */
export interface Suitability {
  readonly node: string;
  readonly possible: boolean;
  /** Sentences of the server. */
  readonly reasons: readonly string[];
}

interface Volume {
  readonly name: string;
  readonly path: string;
}

/** Above so many nodes, those that are alike share a box. */
const NODES_APART = 8;

/** `suitability`: as far as it is known. Witnesses run no VM and are left out. */
export function dependencyGraph(
  vm: VmView,
  nodes: readonly NodeView[],
  suitability: readonly Suitability[] = [],
): DependencyGraph {
  const workers = nodes.filter(({ role }) => role === 'node');
  const storage = storageOf(vm, workers);
  const network = networkOf(vm, workers);
  const hosts = hostsOf(vm, workers, { lines: [...storage.lines, ...network.lines], suitability });
  return {
    boxes: [vmBox(vm), ...storage.boxes, ...network.boxes, ownersBox(vm), ...hosts.boxes],
    lines: [...hosts.lines, { from: 'vm', to: 'owners', kind: 'needs' }],
  };
}

function vmBox(vm: VmView): Box {
  const why: Why[] = vm.reason === null ? [] : [{ key: 'server', text: vm.reason }];
  return {
    ...{ id: 'vm', kind: 'vm', name: vm.name, detail: '', state: vm.state },
    ...{ tone: vmTone(vm.state), why, href: `/vms/${encodeURIComponent(vm.name)}` },
  };
}

function ownersBox({ availability }: VmView): Box {
  const { possibleOwners } = availability;
  const why: Why[] = possibleOwners.length === 0 ? [{ key: 'anyNode' }] : [{ key: 'onlyNodes', nodes: possibleOwners }];
  return { id: 'owners', kind: 'owners', name: '', detail: '', tone: null, why, href: null };
}

/** Disks and CD drives, and the volumes that they are on. */
function storageOf(vm: VmView, nodes: readonly NodeView[]): DependencyGraph {
  const volumes = volumesOf(nodes);
  const boxes = new Map<string, Box>();
  const lines: Line[] = [];
  for (const file of [...vm.disks, ...vm.cdroms]) {
    const isDisk = 'format' in file;
    const id = `file:${file.id}`;
    const volume = volumes.find(({ path }) => isBelow(file.path, path));
    const fileName = file.path.slice(file.path.lastIndexOf('/') + 1);
    boxes.set(id, {
      ...{ id, kind: isDisk ? 'disk' : 'cdrom', name: file.id, tone: null, href: null },
      detail: isDisk ? file.format : fileName,
      ...(isDisk && { sizeBytes: file.sizeBytes }),
      why: [{ key: 'server', text: file.path }],
    });
    lines.push({ from: 'vm', to: id, kind: 'needs' });
    const place = volume === undefined ? pathBox(file.path) : volumeBox(vm, volume, nodes);
    boxes.set(place.id, place);
    lines.push({ from: id, to: place.id, kind: 'needs' });
    if (volume === undefined || lines.some(({ from }) => from === place.id)) continue;
    lines.push(...linesToNodes(place.id, nodes, (node) => hasVolume(node, volume)));
  }
  return { boxes: [...boxes.values()], lines };
}

/** The deepest one first, so that a volume mounted inside of another one is found before it. */
function volumesOf(nodes: readonly NodeView[]): Volume[] {
  const byPath = new Map(nodes.flatMap(({ volumes }) => volumes.map((volume) => [volume.path, volume] as const)));
  return [...byPath.values()].sort((left, right) => right.path.length - left.path.length);
}

function isBelow(file: string, directory: string): boolean {
  return file.startsWith(directory.endsWith('/') ? directory : `${directory}/`);
}

function hasVolume(node: NodeView, { path }: Volume): boolean {
  return node.volumes.some((volume) => volume.path === path);
}

function volumeBox(vm: VmView, volume: Volume, nodes: readonly NodeView[]): Box {
  return {
    ...{ id: `volume:${volume.path}`, kind: 'volume', name: volume.name, detail: volume.path, href: '/volumes' },
    ...spread(vm, nodes, (node) => hasVolume(node, volume)),
  };
}

function pathBox(file: string): Box {
  const directory = file.slice(0, Math.max(1, file.lastIndexOf('/')));
  return {
    ...{ id: `path:${directory}`, kind: 'path', name: directory, detail: '' },
    ...{ tone: 'warning', why: [{ key: 'noVolume' }], href: null },
  };
}

function networkOf(vm: VmView, nodes: readonly NodeView[]): DependencyGraph {
  const boxes = new Map<string, Box>();
  const lines: Line[] = [];
  for (const { id: nic, switchName, macAddress, address } of vm.nics) {
    const id = `nic:${nic}`;
    const switchId = `switch:${switchName}`;
    const isThere = (node: NodeView) => node.switches.includes(switchName);
    boxes.set(id, {
      ...{ id, kind: 'nic', name: nic, detail: address?.split('/')[0] ?? macAddress },
      ...{ tone: null, why: [{ key: 'server', text: macAddress }], href: null },
    });
    lines.push({ from: 'vm', to: id, kind: 'needs' }, { from: id, to: switchId, kind: 'needs' });
    if (boxes.has(switchId)) continue;
    boxes.set(switchId, {
      ...{ id: switchId, kind: 'switch', name: switchName, detail: '', href: '/networks' },
      ...spread(vm, nodes, isThere),
    });
    lines.push(...linesToNodes(switchId, nodes, isThere));
  }
  return { boxes: [...boxes.values()], lines };
}

function linesToNodes(from: string, nodes: readonly NodeView[], has: (node: NodeView) => boolean): Line[] {
  return nodes.map((node) => ({ from, to: `node:${node.name}`, kind: has(node) ? 'has' : 'lacks' }));
}

/** How well something is spread over the nodes that may run the VM. */
function spread(
  vm: VmView,
  nodes: readonly NodeView[],
  has: (node: NodeView) => boolean,
): { readonly tone: Tone; readonly why: readonly Why[] } {
  const wanted = nodes.filter(({ name }) => mayOwn(vm, name));
  const missing = wanted.filter((node) => !has(node)).map(({ name }) => name);
  if (missing.length === 0) return { tone: 'good', why: [{ key: 'everywhere' }] };
  if (missing.length === wanted.length) return { tone: 'bad', why: [{ key: 'nowhere' }] };
  if (vm.owner !== null && missing.includes(vm.owner)) {
    return {
      tone: 'bad',
      why: [
        { key: 'missingOnOwner', nodes: [vm.owner] },
        { key: 'missingOn', nodes: missing },
      ],
    };
  }
  return { tone: 'warning', why: [{ key: 'missingOn', nodes: missing }] };
}

function mayOwn({ availability }: VmView, node: string): boolean {
  return availability.possibleOwners.length === 0 || availability.possibleOwners.includes(node);
}

interface Known {
  /** From storage and network to the nodes. */
  readonly lines: readonly Line[];
  readonly suitability: readonly Suitability[];
}

/** The nodes, and all lines with those to nodes that share a box merged. */
function hostsOf(vm: VmView, nodes: readonly NodeView[], { lines, suitability }: Known): DependencyGraph {
  const all: Line[] = [...lines, ...ownerLines(vm, nodes)];
  const hosts = nodes.map((node) => hostBox(vm, node, { lines: all, suitability }));
  if (nodes.length <= NODES_APART) return { boxes: hosts, lines: all };
  const groups = new Map<string, Box[]>();
  for (const box of hosts) {
    const like = all.filter(({ to }) => to === box.id).map(({ from, kind }) => `${from} ${kind}`);
    const key = JSON.stringify([box.state, box.tone, like]);
    groups.set(key, [...(groups.get(key) ?? []), box]);
  }
  const renamed = new Map<string, string>();
  const boxes = [...groups.values()].map((group) => {
    const box = together(group);
    for (const { id } of group) renamed.set(id, box.id);
    return box;
  });
  const merged = all.map((line) => ({ ...line, to: renamed.get(line.to) ?? line.to }));
  return { boxes, lines: [...new Map(merged.map((line) => [`${line.from} ${line.to}`, line])).values()] };
}

function ownerLines(vm: VmView, nodes: readonly NodeView[]): Line[] {
  return nodes
    .filter(({ name }) => mayOwn(vm, name) || name === vm.owner)
    .map(({ name }) => ({ from: 'owners', to: `node:${name}`, kind: name === vm.owner ? 'runs' : 'has' }));
}

function hostBox(vm: VmView, node: NodeView, { lines, suitability }: Known): Box {
  const id = `node:${node.name}`;
  const lacks = lines
    .filter(({ to, kind }) => to === id && kind === 'lacks')
    .map(({ from }) => from.slice(from.indexOf(':') + 1));
  const role = node.name === vm.owner ? 'owner' : mayOwn(vm, node.name) ? 'possible' : 'excluded';
  const why: Why[] = [{ key: role }];
  if (lacks.length > 0) why.push({ key: 'lacks', what: lacks });
  const judged = suitability.find((one) => one.node === node.name);
  if (judged?.possible === false) why.push(...judged.reasons.map((text) => ({ key: 'server' as const, text })));
  const stateTone = nodeTone(node.state);
  const hampered = stateTone === 'good' && (lacks.length > 0 || (judged?.possible === false && node.name !== vm.owner));
  return {
    ...{ id, kind: 'node', name: node.name, detail: node.addresses[0] ?? '', state: node.state },
    ...{ tone: hampered ? 'warning' : stateTone, why, href: `/nodes/${encodeURIComponent(node.name)}` },
  };
}

function together(group: readonly Box[]): Box {
  const [first] = group;
  if (first === undefined) throw new Error('A group of nodes has at least one.');
  if (group.length === 1) return first;
  return {
    ...first,
    ...{ id: `nodes:${first.name}`, kind: 'nodes', name: String(group.length), detail: '', href: '/nodes' },
    why: [{ key: 'together', nodes: group.map(({ name }) => name) }, ...first.why],
  };
}
