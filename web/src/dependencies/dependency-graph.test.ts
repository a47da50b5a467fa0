import { describe, expect, test } from 'vitest';
import type { NodeView } from '../../../src/contract/cluster.ts';
import type { VmView } from '../../../src/contract/vms.ts';
import { type DependencyGraph, dependencyGraph } from './dependency-graph.ts';
import { type Branch, dependencyTree } from './dependency-tree.ts';

function node(name: string, changes: Partial<NodeView> = {}): NodeView {
  return {
    ...{ name, role: 'node', state: 'up', vms: [], addresses: ['10.77.0.11'], cpus: 2, qemuVersion: '7.2.22' },
    ...{ memory: { capacityBytes: 1024, freeBytes: 512 }, accelerator: 'tcg', agentVersion: '0.1.0', apiUrl: '' },
    ...{ switches: ['lan'], volumes: [{ name: 'shared', path: '/volumes/shared' }] },
    migration: { address: '10.77.0.11', network: null, bandwidthBytesPerSecond: null },
    ...changes,
  };
}

function vm(changes: Partial<VmView> = {}): VmView {
  const sample = {
    ...{ name: 'WebServer', state: 'running', reason: null, owner: 'node1', cdroms: [] },
    availability: { possibleOwners: [] },
    disks: [{ id: 'disk0', path: '/volumes/shared/vms/w/disk0.qcow2', format: 'qcow2', sizeBytes: 1024 }],
    nics: [{ id: 'nic0', macAddress: '52:54:00:00:00:01', switchName: 'lan', address: '10.78.0.101/24' }],
  };
  return { ...(sample as unknown as VmView), ...changes };
}

function linesOf({ lines }: DependencyGraph): string[] {
  return lines.map(({ from, to, kind }) => `${from} ${kind} ${to}`).sort();
}

function boxOf({ boxes }: DependencyGraph, id: string) {
  const box = boxes.find((one) => one.id === id);
  if (box === undefined) throw new Error(`There is no box ${id}: ${boxes.map((one) => one.id).join(', ')}`);
  return box;
}

describe('the dependency graph of a VM', () => {
  test('leads from the VM over disk and NIC to the nodes that have volume and switch', () => {
    const graph = dependencyGraph(vm(), [node('node1'), node('node2'), node('witness', { role: 'witness' })]);
    expect(linesOf(graph)).toEqual(
      [
        'vm needs file:disk0',
        'file:disk0 needs volume:/volumes/shared',
        'volume:/volumes/shared has node:node1',
        'volume:/volumes/shared has node:node2',
        'vm needs nic:nic0',
        'nic:nic0 needs switch:lan',
        'switch:lan has node:node1',
        'switch:lan has node:node2',
        'vm needs owners',
        'owners runs node:node1',
        'owners has node:node2',
      ].sort(),
    );
    expect(boxOf(graph, 'volume:/volumes/shared').tone).toBe('good');
    expect(boxOf(graph, 'nic:nic0').detail).toBe('10.78.0.101');
  });

  test('says which possible owner lacks a switch, at the switch and at the node', () => {
    const graph = dependencyGraph(vm(), [node('node1'), node('node2', { switches: [] })]);
    expect(linesOf(graph)).toContain('switch:lan lacks node:node2');
    expect(boxOf(graph, 'switch:lan')).toMatchObject({
      tone: 'warning',
      why: [{ key: 'missingOn', nodes: ['node2'] }],
    });
    expect(boxOf(graph, 'node:node2').tone).toBe('warning');
    expect(boxOf(graph, 'node:node2').why).toContainEqual({ key: 'lacks', what: ['lan'] });
  });

  test('a volume that the owner itself has lost is bad', () => {
    const graph = dependencyGraph(vm(), [node('node1', { volumes: [] }), node('node2')]);
    expect(boxOf(graph, 'volume:/volumes/shared').tone).toBe('bad');
  });

  test('a node that may not own the VM neither counts nor is linked as an owner', () => {
    const availability = { ...vm().availability, possibleOwners: ['node1', 'node2'] };
    const nodes = [node('node1'), node('node2'), node('node3', { switches: [] })];
    const graph = dependencyGraph(vm({ availability }), nodes);
    expect(boxOf(graph, 'switch:lan').tone).toBe('good');
    expect(linesOf(graph)).not.toContain('owners has node:node3');
    expect(boxOf(graph, 'node:node3').why).toContainEqual({ key: 'excluded' });
  });

  test('a disk outside of every volume stands on its path, with a warning', () => {
    const disks = [{ id: 'disk0', path: '/var/lib/images/a.raw', format: 'raw' as const, sizeBytes: 1 }];
    const graph = dependencyGraph(vm({ disks }), [node('node1')]);
    expect(boxOf(graph, 'path:/var/lib/images')).toMatchObject({ kind: 'path', tone: 'warning' });
  });

  test('finds the volume that is mounted inside of another one', () => {
    const volumes = [
      { name: 'all', path: '/volumes' },
      { name: 'shared', path: '/volumes/shared' },
    ];
    const graph = dependencyGraph(vm(), [node('node1', { volumes })]);
    expect(linesOf(graph)).toContain('file:disk0 needs volume:/volumes/shared');
  });

  test('shows why the cluster would not place it on a node', () => {
    const suitability = [{ node: 'node2', possible: false, reasons: ['node2 has 12 MiB free.'] }];
    const box = boxOf(dependencyGraph(vm(), [node('node1'), node('node2')], suitability), 'node:node2');
    expect(box.tone).toBe('warning');
    expect(box.why).toContainEqual({ key: 'server', text: 'node2 has 12 MiB free.' });
  });

  test('many nodes that are alike share a box, the owner and the one that differs keep theirs', () => {
    const nodes = Array.from({ length: 20 }, (_none, index) => node(`node${index + 1}`));
    nodes[4] = node('node5', { state: 'down' });
    const graph = dependencyGraph(vm(), nodes);
    const hosts = graph.boxes.filter(({ kind }) => kind === 'node' || kind === 'nodes');
    expect(hosts.map(({ name }) => name).sort()).toEqual(['18', 'node1', 'node5']);
    expect(linesOf(graph).filter((line) => line.startsWith('owners'))).toHaveLength(3);
  });
});

test('as a list, a node is told in full once, and named wherever something is on it', () => {
  const tree = dependencyTree(dependencyGraph(vm(), [node('node1')]));
  const told: string[] = [];
  const tell = ({ box, again, branches }: Branch) => {
    told.push(`${box.id}${again ? ' again' : ''}`);
    branches.forEach(tell);
  };
  if (tree !== null) tell(tree);
  expect(told.filter((one) => one.startsWith('node:'))).toEqual(['node:node1', 'node:node1 again', 'node:node1 again']);
  expect(told[0]).toBe('vm');
});
