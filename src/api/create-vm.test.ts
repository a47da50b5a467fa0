import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, startApiCluster } from '../../test/doubles/api-cluster.ts';
import { testDefinition, testFacts, testMemory, vmEntries } from '../../test/doubles/cluster-facts.ts';
import type { VmView } from '../contract/vms.ts';
import { keys } from '../model/keys.ts';
import { GIBIBYTE, MEBIBYTE } from '../model/units.ts';
import type { VmRecord } from '../model/vm.ts';

const MEMORY = { memoryBytes: 256 * MEBIBYTE };

describe('POST /vms', () => {
  let cluster: ApiCluster;
  beforeEach(async () => {
    cluster = await startApiCluster();
  });
  afterEach(() => cluster.close());

  async function create(body: object): Promise<VmView> {
    const { status, body: answered } = await cluster.ask('POST', '/vms', body);
    expect(answered).toMatchObject({ name: expect.any(String) as string });
    expect(status).toBe(201);
    return answered as VmView;
  }

  test('creates a VM that is off, with a disk, an address and an owner', async () => {
    const vm = await create({ name: 'WebServer', ...MEMORY });
    expect(vm).toMatchObject({ name: 'WebServer', state: 'off', owner: 'node1', addresses: ['10.78.0.100'], cpus: 1 });
    expect(vm).toMatchObject({
      budgetMs: 50,
      highlyAvailable: true,
      machineType: 'pc-q35-7.2',
      cpuModel: 'Nehalem-v1',
    });
    expect(vm.disks).toEqual([
      {
        id: 'disk0',
        path: `/volumes/shared/vms/WebServer-${vm.uuid.slice(0, 8)}/disk0.qcow2`,
        format: 'qcow2',
        sizeBytes: GIBIBYTE,
      },
    ]);
    expect([...cluster.disks.files]).toEqual(vm.disks.map((disk) => disk.path));
    const record = cluster.store.value<VmRecord>(keys.vmRecord('WebServer'));
    expect(record?.definition.boot).toMatchObject({
      commandLine: 'console=ttyS0 godwit.name=WebServer godwit.address=10.78.0.100/24',
    });
    expect((await cluster.ask('GET', '/vms/WebServer')).body).toEqual(vm);
  });

  test('gives two VMs different addresses, MAC addresses and disks, also when both are created at once', async () => {
    const [one, two] = await Promise.all([create({ name: 'one', ...MEMORY }), create({ name: 'two', ...MEMORY })]);
    expect(new Set([...one.addresses, ...two.addresses]).size).toBe(2);
    expect(one.nics[0]?.macAddress).not.toBe(two.nics[0]?.macAddress);
    expect(cluster.disks.files.size).toBe(2);
  });

  test.each([
    ['tcg', undefined, false],
    ['tcg', true, true],
    ['kvm', undefined, true],
    ['kvm', false, false],
  ] as const)('with %s and free-page hinting %s asked for, it is %s', async (accelerator, asked, expected) => {
    // The first CPU model that is preferred under KVM, where the guest's is one of those.
    const facts = { accelerator, cpuModels: ['Nehalem-v1', 'x86-64-v2', 'qemu64-v1'] };
    for (const name of ['node1', 'node2']) {
      await cluster.put({ [keys.nodeFacts(name)]: { ...testFacts(name), ...facts } });
    }
    const vm = await create({ name: 'WebServer', ...MEMORY, ...(asked !== undefined && { freePageHinting: asked }) });
    expect(vm).toMatchObject({ accelerator, freePageHinting: expected });
    const record = cluster.store.value<VmRecord>(keys.vmRecord('WebServer'));
    expect(record?.definition.freePageHinting).toBe(expected);
  });

  test('shows a VM that was stored before there was free-page hinting as one without it', async () => {
    const { freePageHinting: _, ...definition } = testDefinition('Older');
    const entries = vmEntries('Older', 'off');
    const stored = { ...(entries[keys.vmRecord('Older')] as VmRecord), definition };
    await cluster.put({ ...entries, [keys.vmRecord('Older')]: stored });
    expect((await cluster.ask('GET', '/vms/Older')).body).toMatchObject({ name: 'Older', freePageHinting: false });
  });

  test('has a graphics card unless none is wanted; a VM that was stored before there was one has none', async () => {
    expect(await create({ name: 'WebServer', ...MEMORY })).toMatchObject({ graphics: true });
    expect(await create({ name: 'Plain', ...MEMORY, graphics: false })).toMatchObject({ graphics: false });
    expect(cluster.store.value<VmRecord>(keys.vmRecord('Plain'))?.definition).not.toHaveProperty('graphics');
    await cluster.put(vmEntries('Older', 'off'));
    expect((await cluster.ask('GET', '/vms/Older')).body).toMatchObject({ graphics: false });
  });

  test('has a budget that is never widened, unless a maximum is given', async () => {
    expect(await create({ name: 'WebServer', ...MEMORY })).toMatchObject({ budgetMs: 50, budgetMaxMs: null });
    expect(await create({ name: 'Never', ...MEMORY, budgetMaxMs: null })).toMatchObject({ budgetMaxMs: null });
    expect(cluster.store.value<VmRecord>(keys.vmRecord('Never'))).not.toHaveProperty('budgetMaxMs');
    const busy = { name: 'Busy', ...MEMORY, budgetMs: 30, budgetMaxMs: 200 };
    expect(await create(busy)).toMatchObject({ budgetMs: 30, budgetMaxMs: 200 });
    expect(cluster.store.value<VmRecord>(keys.vmRecord('Busy'))).toMatchObject({ budgetMs: 30, budgetMaxMs: 200 });
  });

  test('imports an image file as the first disk and puts empty ones behind it', async () => {
    cluster.disks.files.add('/images/debian.qcow2');
    const vm = await create({
      name: 'Debian',
      ...MEMORY,
      image: '/images/debian.qcow2',
      disks: [{ sizeBytes: MEBIBYTE }],
    });
    expect(vm.disks.map((disk) => [disk.id, disk.sizeBytes])).toEqual([
      ['disk0', 2 * GIBIBYTE],
      ['disk1', MEBIBYTE],
    ]);
    expect(vm.addresses).toEqual([]);
  });

  test('chooses the node with the most free memory as the owner', async () => {
    await cluster.put({ [keys.nodeMemory('node1')]: testMemory({ Other: MEBIBYTE }) });
    expect(await create({ name: 'WebServer', ...MEMORY })).toMatchObject({ owner: 'node2' });
  });

  test.each([
    ['memory 0', { memoryBytes: 0 }, 'INVALID_INPUT'],
    ['memory below 16 MiB', { memoryBytes: 8 * MEBIBYTE }, 'INVALID_INPUT'],
    ['memory that is no whole MiB', { memoryBytes: 256 * MEBIBYTE + 1 }, 'INVALID_INPUT'],
    ['memory as a text', { memoryBytes: '256M' }, 'INVALID_INPUT'],
    ['no CPU', { ...MEMORY, cpus: 0 }, 'INVALID_INPUT'],
    ['65 CPUs', { ...MEMORY, cpus: 65 }, 'INVALID_INPUT'],
    ['a budget of 0', { ...MEMORY, budgetMs: 0 }, 'INVALID_INPUT'],
    ['a budget widened to less than the default one', { ...MEMORY, budgetMaxMs: 49 }, 'INVALID_INPUT'],
    ['a budget widened to less than it is', { ...MEMORY, budgetMs: 300, budgetMaxMs: 200 }, 'INVALID_INPUT'],
    ['a budget widened to more than a minute', { ...MEMORY, budgetMaxMs: 60_001 }, 'INVALID_INPUT'],
    ['a disk of 0 bytes', { ...MEMORY, disks: [{ sizeBytes: 0 }] }, 'INVALID_INPUT'],
    ['a URL as the image', { ...MEMORY, image: 'https://example.org/a.qcow2' }, 'INVALID_INPUT'],
    ['a relative path as the image', { ...MEMORY, image: 'a/b.qcow2' }, 'INVALID_INPUT'],
    ['an image that the cluster does not have', { ...MEMORY, image: 'a.qcow2' }, 'IMAGE_NOT_FOUND'],
    ['an image file that is not there', { ...MEMORY, image: '/no/such/file' }, 'IMAGE_NOT_FOUND'],
    ['a size for the disk of no image', { ...MEMORY, image: 'lab', imageDiskBytes: GIBIBYTE }, 'INVALID_INPUT'],
    ['cloud-init for the lab image', { ...MEMORY, image: 'lab', cloudInit: {} }, 'INVALID_INPUT'],
    ['an unknown switch', { ...MEMORY, switch: 'nowhere' }, 'INVALID_INPUT'],
    ['a misspelt field', { ...MEMORY, memry: 1 }, 'INVALID_INPUT'],
    ['more memory than any node has', { memoryBytes: 2 * GIBIBYTE }, 'NOT_ENOUGH_MEMORY'],
  ])('refuses %s', async (_what, body, code) => {
    expect(await cluster.refusal('POST', '/vms', { name: 'WebServer', ...body })).toMatchObject({ code });
  });

  test.each(['', '-web', 'web-', 'a b', 'wéb', 'a/b', 'x'.repeat(64)])(
    'refuses the malformed name "%s"',
    async (name) => {
      expect(await cluster.refusal('POST', '/vms', { name, ...MEMORY })).toMatchObject({ code: 'NAME_MALFORMED' });
    },
  );

  test('names the field that a request must not have', async () => {
    const { message } = await cluster.refusal('POST', '/vms', { name: 'WebServer', ...MEMORY, memry: 1 });
    expect(message).toContain('body must not have the field "memry"');
  });

  test('refuses a name that exists', async () => {
    await cluster.put(vmEntries('WebServer', 'off'));
    expect(await cluster.refusal('POST', '/vms', { name: 'WebServer', ...MEMORY })).toMatchObject({
      code: 'VM_EXISTS',
    });
  });

  test('refuses when no address is free', async () => {
    for (const name of ['one', 'two', 'three']) await create({ name, ...MEMORY });
    const error = await cluster.refusal('POST', '/vms', { name: 'four', ...MEMORY });
    expect(error).toMatchObject({ code: 'PLACEMENT_NOT_POSSIBLE' });
    expect(error.message).toContain('All 3 guest addresses');
  });

  test('says why no node takes it when none does', async () => {
    for (const name of ['node1', 'node2']) {
      const service = { mode: 'paused', since: '2026-01-01T00:00:00.000Z', by: 'admin', drain: null };
      await cluster.put({ [keys.nodeService(name)]: service });
    }
    expect(await cluster.refusal('POST', '/vms', { name: 'WebServer', ...MEMORY })).toMatchObject({
      code: 'PLACEMENT_NOT_POSSIBLE',
      message: 'No node takes VMs now: node1 is paused, node2 is paused.',
    });
  });

  test('refuses when the nodes have no accelerator in common', async () => {
    await cluster.put({ [keys.nodeFacts('node2')]: { ...testFacts('node2'), accelerator: 'kvm' } });
    expect(await cluster.refusal('POST', '/vms', { name: 'WebServer', ...MEMORY })).toMatchObject({
      code: 'PLACEMENT_NOT_POSSIBLE',
      details: { reasons: [expect.stringContaining('accelerator') as string] },
    });
  });

  test('removes the disks it made when a later one does not fit', async () => {
    cluster.disks.failAt = 'disk1';
    const disks = [{ sizeBytes: MEBIBYTE }, { sizeBytes: MEBIBYTE }];
    const error = await cluster.refusal('POST', '/vms', { name: 'WebServer', ...MEMORY, disks });
    expect(error).toMatchObject({ code: 'NOT_ENOUGH_DISK_SPACE' });
  });

  test('loses to somebody who creates the same name at the same moment, and removes its disk', async () => {
    cluster.store.beforeNext = () => cluster.store.put(vmEntries('WebServer', 'off'));
    const { body } = await cluster.ask('POST', '/vms', { name: 'WebServer', ...MEMORY });
    expect(body).toMatchObject({ code: 'VM_EXISTS' });
    expect(cluster.disks.files.size).toBe(0);
  });

  test('refuses without quorum', async () => {
    cluster.store.setQuorum(false);
    const error = await cluster.refusal('POST', '/vms', { name: 'WebServer', ...MEMORY });
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', state: 'Nothing was changed.' });
  });

  test('keeps the disk when nobody can say whether the VM exists now', async () => {
    cluster.store.mishaps.push('unknown-lost', 'unknown-lost');
    const { status, body } = await cluster.ask('POST', '/vms', { name: 'WebServer', ...MEMORY });
    expect([status, (body as { code: string }).code]).toEqual([503, 'STORE_OUTCOME_UNKNOWN']);
    expect(cluster.disks.files.size).toBe(1);
  });
});
