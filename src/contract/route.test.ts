import { describe, expect, test } from 'vitest';
import { getMigration } from './migrations.ts';
import { path } from './route.ts';
import { deleteVm, getVm, listVms } from './vms.ts';

describe('path', () => {
  test('is below the prefix of the API', () => {
    expect(path(listVms)).toBe('/api/v1/vms');
  });

  test('fills in parameters and encodes what is not part of a path', () => {
    expect(path(getVm, { params: { name: 'WebServer' } })).toBe('/api/v1/vms/WebServer');
    expect(path(getMigration, { params: { id: 'a/b?c' } })).toBe('/api/v1/migrations/a%2Fb%3Fc');
  });

  test('leaves out what is undefined in the query', () => {
    const params = { name: 'WebServer' };
    expect(path(deleteVm, { params, query: { deleteDisks: true } })).toBe('/api/v1/vms/WebServer?deleteDisks=true');
    expect(path(deleteVm, { params, query: { deleteDisks: undefined } })).toBe('/api/v1/vms/WebServer');
  });

  test('throws on a missing parameter', () => {
    expect(() => path(getVm)).toThrow('needs "name"');
  });
});
