import { describe, expect, test } from 'vitest';
import { testFacts } from '../../test/doubles/cluster-facts.ts';
import { chooseMachine } from './machine-choice.ts';

describe('chooseMachine', () => {
  test('takes the newest machine type that all nodes have, by number and not by text', () => {
    const old = { ...testFacts('node1'), machineTypes: ['pc-q35-7.2', 'pc-q35-9.2', 'pc-i440fx-10.0'] };
    const young = { ...testFacts('node2'), machineTypes: ['pc-q35-10.0', 'pc-q35-9.2', 'pc-q35-7.2', 'q35'] };
    expect(chooseMachine([old, young])).toMatchObject({ machineType: 'pc-q35-9.2' });
    expect(chooseMachine([young])).toMatchObject({ machineType: 'pc-q35-10.0' });
  });

  test('takes the best CPU model that all nodes have', () => {
    const plain = { ...testFacts('node2'), cpuModels: ['qemu64-v1'] };
    expect(chooseMachine([testFacts('node1')])).toMatchObject({ cpuModel: 'Nehalem-v1' });
    expect(chooseMachine([testFacts('node1'), plain])).toMatchObject({ cpuModel: 'qemu64-v1' });
  });

  test('offers newer models with KVM than without', () => {
    const cpuModels = ['Nehalem-v1', 'Haswell-v1', 'Skylake-Server-v1'];
    expect(chooseMachine([{ ...testFacts('node1'), cpuModels, accelerator: 'kvm' }])).toMatchObject({
      cpuModel: 'Skylake-Server-v1',
      accelerator: 'kvm',
    });
    expect(chooseMachine([{ ...testFacts('node1'), cpuModels }])).toMatchObject({ cpuModel: 'Nehalem-v1' });
  });

  test('gives all reasons when there is no common machine', () => {
    const other = { ...testFacts('node2'), machineTypes: [], cpuModels: [], accelerator: 'kvm' as const };
    const choice = chooseMachine([testFacts('node1'), other]);
    expect(choice.kind === 'none' && choice.reasons).toEqual([
      'The nodes do not have the same accelerator (node1: tcg, node2: kvm).',
      'No pc-q35 machine type is common to node1, node2.',
      'No known CPU model is common to node1, node2.',
    ]);
  });

  test('refuses when no node is up', () => {
    expect(chooseMachine([])).toEqual({ kind: 'none', reasons: ['No node is up.'] });
  });
});
