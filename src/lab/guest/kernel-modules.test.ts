import { describe, expect, test } from 'vitest';
import { dependenciesInModule, moduleName, modulesInOrder } from './kernel-modules.ts';

const dependencies: Record<string, string[]> = {
  virtio_net: ['net_failover', 'virtio_ring', 'virtio'],
  net_failover: ['failover'],
  virtio_ring: ['virtio'],
};
const kernel = {
  files: new Map(
    ['virtio_net', 'net_failover', 'failover', 'virtio_ring', 'virtio'].map((name) => [name, `${name}.ko`]),
  ),
  builtin: new Set(['ext4']),
  dependenciesOf: (name: string) => dependencies[name] ?? [],
};

describe('modulesInOrder', () => {
  test('puts every module behind what it depends on, once', () => {
    expect(modulesInOrder(['virtio_net', 'virtio_ring'], kernel)).toEqual([
      'failover',
      'net_failover',
      'virtio',
      'virtio_ring',
      'virtio_net',
    ]);
  });

  test('leaves out what is part of the kernel', () => {
    expect(modulesInOrder(['ext4'], kernel)).toEqual([]);
  });

  test('refuses a module that the kernel does not have', () => {
    expect(() => modulesInOrder(['floppy'], kernel)).toThrow('floppy');
  });
});

describe('moduleName', () => {
  test('is the kernel’s own name, without directory, hyphens and compression', () => {
    expect(moduleName('kernel/drivers/char/hw_random/virtio-rng.ko.xz')).toBe('virtio_rng');
  });
});

describe('dependenciesInModule', () => {
  test('reads the list from the module information', () => {
    const content = Buffer.from('\x7fELF…\0license=GPL\0depends=virtio_ring,net-failover\0name=x\0', 'latin1');
    expect(dependenciesInModule(content)).toEqual(['virtio_ring', 'net_failover']);
  });

  test('is empty for a module without dependencies', () => {
    expect(dependenciesInModule(Buffer.from('\0depends=\0', 'latin1'))).toEqual([]);
  });
});
