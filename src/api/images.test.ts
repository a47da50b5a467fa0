import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, startApiCluster } from '../../test/doubles/api-cluster.ts';
import type { VmView } from '../contract/vms.ts';
import { keys } from '../model/keys.ts';
import { MEBIBYTE } from '../model/units.ts';

const MEMORY = { memoryBytes: 256 * MEBIBYTE };

let cluster: ApiCluster;
beforeEach(async () => {
  cluster = await startApiCluster();
  cluster.images.add('debian.iso', 'iso');
  cluster.images.add('debian.qcow2', 'qcow2');
});
afterEach(() => cluster.close());

async function create(body: object): Promise<VmView> {
  const answer = await cluster.ask('POST', '/vms', { name: 'WebServer', ...MEMORY, ...body });
  expect(answer).toMatchObject({ status: 201 });
  return answer.body as VmView;
}

describe('images', () => {
  test('are listed with the VMs that have them in a drive, and those are not deleted', async () => {
    await create({ image: 'debian.iso' });
    expect((await cluster.ask('GET', '/images')).body).toMatchObject({
      ...{ lab: true, directory: '/volumes/shared/images', transfers: [] },
      images: [
        { name: 'debian.iso', kind: 'iso', usedBy: ['WebServer'] },
        { name: 'debian.qcow2', kind: 'qcow2', usedBy: [] },
      ],
    });
    expect(await cluster.refusal('DELETE', '/images/debian.iso')).toMatchObject({ code: 'IMAGE_IN_USE' });
    expect((await cluster.ask('DELETE', '/images/debian.qcow2')).status).toBe(200);
  });

  test.each(['.hidden', 'a%2Fb', '%2e%2e', 'fetch', 'transfers', 'lab'])('no image is called %s', async (name) => {
    expect(await cluster.refusal('DELETE', `/images/${name}`)).toMatchObject({
      code: expect.stringMatching(/^NAME_MALFORMED|NOT_FOUND$/) as string,
    });
  });

  test.each([
    ['ftp://example.org/a.qcow2', 'INVALID_INPUT'],
    ['a.qcow2', 'INVALID_INPUT'],
    ['https://example.org/', 'INVALID_INPUT'],
    ['https://example.org/100%.raw', 'NAME_MALFORMED'],
    ['https://example.org/..%2F..%2Fetc', 'NAME_MALFORMED'],
    ['https://example.org/debian.iso', 'IMAGE_EXISTS'],
  ])('%s is not downloaded', async (url, code) => {
    expect(await cluster.refusal('POST', '/images/fetch', { url })).toMatchObject({ code });
  });
});

describe('a VM made of an image', () => {
  test('has the image as its first disk, as large as asked for', async () => {
    const vm = await create({ image: 'debian.qcow2', imageDiskBytes: 8192 * MEBIBYTE });
    expect(vm.disks).toMatchObject([{ id: 'disk0', sizeBytes: 8192 * MEBIBYTE }]);
    expect(vm.cdroms).toEqual([]);
  });

  test('has an empty disk beside an ISO', async () => {
    const vm = await create({ image: 'debian.iso' });
    expect(vm.disks).toHaveLength(1);
    expect(vm.cdroms).toEqual([{ id: 'cd0', path: '/volumes/shared/images/debian.iso' }]);
  });
});

describe('cloud-init', () => {
  const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA me@here';
  const IMAGE = { image: 'debian.qcow2' };

  test('is told who the guest is, and nobody keeps the password', async () => {
    const cloudInit = { user: 'anna', password: 'secret word', sshAuthorizedKeys: [KEY], hostname: 'web' };
    const vm = await create({ ...IMAGE, cloudInit });
    const [seed] = vm.cdroms;
    expect(seed?.id).toBe('seed');
    const files = cluster.seeds.files.get(seed?.path ?? '');
    const [head, ...userData] = (files?.['user-data'] ?? '').split('\n');
    expect(head).toBe('#cloud-config');
    expect(JSON.parse(userData.join('\n'))).toMatchObject({
      ...{ hostname: 'web', ssh_pwauth: true },
      users: [{ name: 'anna', passwd: '$6$salt$11', ssh_authorized_keys: [KEY] }],
    });
    expect(JSON.parse(files?.['meta-data'] ?? '')).toEqual({ 'instance-id': vm.uuid, 'local-hostname': 'web' });
    expect(JSON.parse(files?.['network-config'] ?? '')).toEqual({
      version: 2,
      ethernets: { nic0: { match: { macaddress: vm.nics[0]?.macAddress }, dhcp4: true } },
    });
    expect(JSON.stringify([cluster.store.contents(), [...cluster.seeds.files]])).not.toContain('secret word');
  });

  test('hands out the next free address, or the one that is asked for', async () => {
    const auto = await create({ ...IMAGE, cloudInit: { network: { address: 'auto', gateway: '10.78.0.1' } } });
    expect(auto.addresses).toEqual(['10.78.0.100']);
    const network = JSON.parse([...cluster.seeds.files.values()][0]?.['network-config'] ?? '') as unknown;
    expect(network).toMatchObject({
      ethernets: { nic0: { addresses: ['10.78.0.100/24'], routes: [{ to: '0.0.0.0/0', via: '10.78.0.1' }] } },
    });
    const taken = { name: 'Other', ...MEMORY, ...IMAGE, cloudInit: { network: { address: '10.78.0.100/24' } } };
    expect(await cluster.refusal('POST', '/vms', taken)).toMatchObject({ code: 'INVALID_INPUT' });
    expect(cluster.store.value(keys.guestAddress('10.78.0.100'))).toBe('WebServer');
  });

  test('its medium goes with the VM, though the disks stay', async () => {
    const vm = await create({ ...IMAGE, cloudInit: {} });
    await cluster.ask('DELETE', '/vms/WebServer');
    expect(cluster.seeds.files.size).toBe(0);
    expect(cluster.disks.files).toContain(vm.disks[0]?.path);
  });

  test.each([
    { hostname: 'a b' },
    { user: 'Root!' },
    { password: 'two\nlines' },
    { sshAuthorizedKeys: [`${KEY}\nssh-rsa AAAA`] },
    { network: { address: '10.0.0.300/24' } },
    { network: { address: '10.0.0.3' } },
    { network: { address: 'dhcp', gateway: '10.0.0.1' } },
    { network: { address: '10.0.0.3/24', gateway: 'router' } },
  ])('refuses %j', async (cloudInit) => {
    const body = { name: 'WebServer', ...MEMORY, ...IMAGE, cloudInit };
    expect(await cluster.refusal('POST', '/vms', body)).toMatchObject({ code: 'INVALID_INPUT' });
  });
});
