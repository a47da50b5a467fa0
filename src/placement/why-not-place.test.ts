import { describe, expect, test } from 'vitest';
import { testDefinition, testFacts, testMemory } from '../../test/doubles/cluster-facts.ts';
import { GIBIBYTE, MEBIBYTE } from '../model/units.ts';
import { type NodeForPlacement, type PlacementNeeds, whyNotOn } from './why-not-place.ts';

const definition = testDefinition('WebServer');
const needs: PlacementNeeds = { definition, owner: testFacts('node1'), memory: 'now' };

function node(change: Partial<NodeForPlacement> = {}): NodeForPlacement {
  return { facts: testFacts('node2'), state: 'up', memory: testMemory(), ...change };
}

function obstacles(place: NodeForPlacement, asked = needs): string[] {
  return whyNotOn(place, asked).map((reason) => reason.obstacle);
}

describe('whyNotOn', () => {
  test('has no reason against a node like the owner', () => {
    expect(whyNotOn(node(), needs)).toEqual([]);
  });

  test('names every reason, not only the first', () => {
    const facts = {
      ...testFacts('node2'),
      accelerator: 'kvm' as const,
      cpuModels: [],
      machineTypes: [],
      qemuVersion: '5.2.0',
      switches: [],
      volumes: [],
    };
    expect(obstacles(node({ facts, state: 'down', memory: testMemory({ Other: GIBIBYTE }) }))).toEqual([
      ...['state', 'hardware', 'hardware', 'software', 'software', 'network', 'storage', 'memory'],
    ]);
  });

  test('says of a witness and of the owner only what they are', () => {
    expect(obstacles(node({ facts: { ...testFacts('witness'), role: 'witness' }, memory: null }))).toEqual(['role']);
    expect(obstacles(node({ facts: testFacts('node1'), state: 'down' }))).toEqual(['owner']);
  });

  test.each(['down', 'paused', 'draining', 'isolated', 'fenced', 'quarantined'] as const)(
    'refuses a node that is %s',
    (state) => {
      expect(obstacles(node({ state }))).toEqual(['state']);
    },
  );

  test('accepts a newer QEMU and another stable release of the same series, and no older series', () => {
    const withQemu = (qemuVersion: string) => obstacles(node({ facts: { ...testFacts('node2'), qemuVersion } }));
    expect(withQemu('10.0.2')).toEqual([]);
    expect(withQemu('7.2.1')).toEqual([]);
    expect(withQemu('7.1.0')).toEqual(['software']);
  });

  test('names a missing switch and a missing volume by name', () => {
    const facts = { ...testFacts('node2'), switches: ['other'], volumes: [{ name: 'shared', path: '/volumes/share' }] };
    expect(whyNotOn(node({ facts }), needs).map((reason) => reason.text)).toEqual([
      'node2 has no virtual switch "lan".',
      'node2 does not have the volume that holds /volumes/shared/vms/WebServer-0/disk0.qcow2.',
    ]);
  });

  test('gives the figures when memory is short', () => {
    const memory = testMemory({ Other: GIBIBYTE - 100 * MEBIBYTE });
    expect(whyNotOn(node({ memory }), needs).map((reason) => reason.text)).toEqual([
      'node2 has 100 MiB of 1 GiB free for VMs, WebServer needs 256 MiB.',
    ]);
  });

  test('counts memory held for this very VM as free', () => {
    const memory = testMemory({ Other: GIBIBYTE - 256 * MEBIBYTE, WebServer: 256 * MEBIBYTE });
    expect(obstacles(node({ memory }))).toEqual([]);
  });

  test('asks a full node for its size only when the VM is not about to run', () => {
    const memory = testMemory({ Other: GIBIBYTE });
    expect(obstacles(node({ memory }), { ...needs, memory: 'some-day' })).toEqual([]);
    const large = { ...definition, memoryBytes: 2 * GIBIBYTE };
    expect(obstacles(node({ memory }), { ...needs, definition: large, memory: 'some-day' })).toEqual(['memory']);
  });

  test('refuses a node that has not published its memory', () => {
    expect(obstacles(node({ memory: null }))).toEqual(['memory']);
  });
});

describe('a dedicated migration network', () => {
  const on = (network: string | null) => ({ address: '10.79.0.1', network, bandwidthBytesPerSecond: null });
  const reasons = (own: string | null, other: string | null) =>
    whyNotOn(node({ facts: { ...testFacts('node2'), migration: on(other) } }), {
      ...needs,
      owner: { ...testFacts('node1'), migration: on(own) },
    }).map((reason) => reason.text);

  test('is never left silently for another one', () => {
    expect(reasons('10.79.0.0/24', '10.79.0.0/24')).toEqual([]);
    expect(reasons('10.79.0.0/24', null)).toEqual([
      'Guest memory cannot reach node2: node1 migrates over the network 10.79.0.0/24, node2 over the cluster network.',
    ]);
    expect(reasons(null, '10.79.0.0/24')).toEqual([
      'Guest memory cannot reach node2: node2 migrates over the network 10.79.0.0/24, node1 over the cluster network.',
    ]);
  });
});
