import { describe, expect, test } from 'vitest';
import { GodwitError } from '../model/errors.ts';
import { type LabAccess, type SelectionSources, selectCluster } from './cluster-selection.ts';

function lab(name: string): LabAccess {
  return {
    urls: [`https://${name}:8440`],
    user: 'admin',
    password: `secret of ${name}`,
    caCertificate: `/${name}.pem`,
  };
}

function sources(changes: Partial<SelectionSources> & { labs?: readonly string[] } = {}): SelectionSources {
  const labs = changes.labs ?? [];
  return {
    env: {},
    readProfiles: () => Promise.resolve(null),
    readOwnNode: () => Promise.resolve(null),
    labNames: () => Promise.resolve(labs),
    readLab: (name) => {
      if (labs.includes(name)) return Promise.resolve(lab(name));
      const error = { code: 'LAB_NOT_FOUND', message: 'no lab', state: '', nextStep: '' } as const;
      return Promise.reject(new GodwitError(error));
    },
    ...changes,
  };
}

const PROFILES = { default: 'prod', profiles: { prod: { urls: ['https://prod:8440'], user: 'ops', password: 'p' } } };
const OWN_NODE = { url: 'https://own:8440', caCertificate: '/own.pem' };

describe('selectCluster', () => {
  test('takes the only lab that is up when nothing is said', async () => {
    expect(await selectCluster({}, sources({ labs: ['demo'] }))).toEqual({
      urls: ['https://demo:8440'],
      user: 'admin',
      password: 'secret of demo',
      caFile: '/demo.pem',
      origin: 'the lab demo',
    });
  });

  test('refuses to guess between two labs', async () => {
    await expect(selectCluster({}, sources({ labs: ['a', 'b'] }))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: 'No cluster was named, and 2 labs are up: a, b.',
    });
  });

  test('says how to name a cluster when there is none', async () => {
    await expect(selectCluster({}, sources())).rejects.toMatchObject({
      nextStep: expect.stringContaining('godwit lab up'),
    });
  });

  test('prefers options to the environment, that to profiles, those to the own node, and that to a lab', async () => {
    const all = sources({
      env: { GODWIT_CLUSTER: 'https://env:8440' },
      readProfiles: () => Promise.resolve(PROFILES),
      readOwnNode: () => Promise.resolve(OWN_NODE),
      labs: ['demo'],
    });
    const first = async (options: object, from: SelectionSources) => (await selectCluster(options, from)).urls[0];
    expect(await first({ cluster: 'https://option:8440/' }, all)).toBe('https://option:8440');
    expect(await first({ lab: 'demo' }, all)).toBe('https://demo:8440');
    expect(await first({}, all)).toBe('https://env:8440');
    expect(await first({}, { ...all, env: {} })).toBe('https://prod:8440');
    const withoutProfiles = { ...all, env: {}, readProfiles: () => Promise.resolve(null) };
    expect(await first({}, withoutProfiles)).toBe('https://own:8440');
    expect(await first({}, { ...withoutProfiles, readOwnNode: () => Promise.resolve(null) })).toBe('https://demo:8440');
  });

  test('reads several URLs, and signs in as the environment says', async () => {
    const env = { GODWIT_USER: 'ops', GODWIT_PASSWORD: 'p', GODWIT_CA: '/ca.pem' };
    expect(await selectCluster({ cluster: 'https://a:1, https://b:2/' }, sources({ env }))).toMatchObject({
      urls: ['https://a:1', 'https://b:2'],
      user: 'ops',
      password: 'p',
      caFile: '/ca.pem',
    });
  });

  test("knows the credentials of a lab by the lab's URL", async () => {
    const target = await selectCluster({ cluster: 'https://demo:8440' }, sources({ labs: ['demo'] }));
    expect(target).toMatchObject({ password: 'secret of demo', caFile: '/demo.pem' });
  });

  test('finds a saved profile by its name, and says which there are', async () => {
    const from = sources({ readProfiles: () => Promise.resolve(PROFILES) });
    expect(await selectCluster({ cluster: 'prod' }, from)).toMatchObject({ user: 'ops', password: 'p', caFile: null });
    await expect(selectCluster({ cluster: 'other' }, from)).rejects.toMatchObject({
      nextStep: expect.stringContaining('prod'),
    });
  });

  test('refuses a cluster and a lab at once', async () => {
    const both = { cluster: 'https://a:1', lab: 'demo' };
    await expect(selectCluster(both, sources({ labs: ['demo'] }))).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('passes on that a lab does not exist', async () => {
    await expect(selectCluster({ lab: 'nope' }, sources())).rejects.toMatchObject({ code: 'LAB_NOT_FOUND' });
  });
});
