import { describe, expect, it } from 'vitest';
import { imageNameOf, lackOf, NEW_VM, requestOf } from './new-vm-draft.ts';

describe('the wizard for a new VM', () => {
  const named = { ...NEW_VM, name: 'WebServer' };

  it('says the first thing that is missing', () => {
    expect(lackOf(NEW_VM, new Set())).toBe('name');
    expect(lackOf({ ...named, name: 'two words' }, new Set())).toBe('nameForm');
    expect(lackOf(named, new Set(['WebServer']))).toBe('nameTaken');
    expect(lackOf(named, new Set())).toBe('image');
    expect(lackOf({ ...named, source: 'url', url: 'https://images.example/' }, new Set())).toBe('url');
    expect(lackOf({ ...named, image: 'debian.qcow2', cloudInit: true }, new Set())).toBe('credentials');
    expect(lackOf({ ...named, source: 'lab' }, new Set())).toBeNull();
  });

  it('asks for a disk where the image brings none', () => {
    expect(requestOf({ ...named, source: 'empty', diskGib: 2 }, null).disks).toEqual([{ sizeBytes: 2 * 1024 ** 3 }]);
    expect(requestOf({ ...named, image: 'debian.qcow2' }, 'debian.qcow2').disks).toBeUndefined();
    expect(requestOf({ ...named, image: 'setup.iso', imageIsIso: true }, 'setup.iso').disks).toHaveLength(1);
  });

  it('tells cloud-init nothing where there is none', () => {
    const told = { ...named, cloudInit: true, password: 'secret', image: 'debian.qcow2' };
    expect(requestOf(told, 'debian.qcow2').cloudInit).toMatchObject({ user: 'admin', password: 'secret' });
    expect(requestOf({ ...told, imageIsIso: true }, 'setup.iso').cloudInit).toBeUndefined();
    expect(requestOf({ ...told, source: 'lab' }, 'lab').cloudInit).toBeUndefined();
  });

  it('names a downloaded image after the last part of its address', () => {
    const from = (url: string) => imageNameOf({ ...named, source: 'url', url });
    expect(from('https://images.example/debian%2012.qcow2?x=1')).toBe('debian-12.qcow2');
  });
});
