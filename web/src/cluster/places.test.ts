import { expect, test } from 'vitest';
import type { NodeView } from '../../../src/contract/cluster.ts';
import type { VmView } from '../../../src/contract/vms.ts';
import { switchPlaces, volumePlaces } from './places.ts';

function node(name: string, switches: readonly string[], paths: readonly string[]): NodeView {
  const volumes = paths.map((path) => ({ name: path.slice(path.lastIndexOf('/') + 1), path }));
  return { name, role: 'node', switches, volumes } as unknown as NodeView;
}

function vm(name: string, switchName: string, path: string): VmView {
  return { name, nics: [{ switchName }], disks: [{ path, sizeBytes: 10 }] } as unknown as VmView;
}

const witness = { ...node('witness', [], []), role: 'witness' as const };

test('a switch says which nodes lack it and which VMs use it; a witness does not count', () => {
  const nodes = [node('node1', ['lan', 'dmz'], []), node('node2', ['lan'], []), witness];
  expect(switchPlaces(nodes, [vm('B', 'lan', ''), vm('A', 'lan', '')])).toEqual([
    { name: 'dmz', nodes: ['node1'], missingOn: ['node2'], vms: [] },
    { name: 'lan', nodes: ['node1', 'node2'], missingOn: [], vms: ['A', 'B'] },
  ]);
});

test('a switch that only a VM names is shown, missing everywhere', () => {
  expect(switchPlaces([node('node1', [], [])], [vm('A', 'gone', '')])).toEqual([
    { name: 'gone', nodes: [], missingOn: ['node1'], vms: ['A'] },
  ]);
});

test('disks count on the innermost volume; one outside of all is named', () => {
  const nodes = [node('node1', [], ['/volumes', '/volumes/shared']), node('node2', [], ['/volumes/shared'])];
  const vms = [vm('A', '', '/volumes/shared/a/disk0.qcow2'), vm('B', '', '/var/b.raw')];
  const { volumes, loose } = volumePlaces(nodes, vms);
  expect(volumes).toMatchObject([
    { name: 'shared', nodes: ['node1', 'node2'], missingOn: [], vms: ['A'], disks: 1, provisionedBytes: 10 },
    { name: 'volumes', nodes: ['node1'], missingOn: ['node2'], vms: [], disks: 0, provisionedBytes: 0 },
  ]);
  expect(loose).toEqual([{ vm: 'B', path: '/var/b.raw', sizeBytes: 10 }]);
});
