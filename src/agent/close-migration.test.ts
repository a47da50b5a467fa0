import { beforeEach, expect, test } from 'vitest';
import { testFacts, testIntent, vmEntries } from '../../test/doubles/cluster-facts.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../test/doubles/memory-store.ts';
import type { SettlementKind } from '../failover/settle-intent.ts';
import type { Receipt } from '../migration/receipt.ts';
import type { MigrationIntent } from '../model/intent.ts';
import { keys } from '../model/keys.ts';
import type { NodeMemory } from '../model/node.ts';
import type { VmOwner, VmStatus } from '../model/vm.ts';
import { closeMigration, readForClosing } from './close-migration.ts';

const VM = 'WebServer';
const held = { totalBytes: 4096, allocations: { [VM]: 256, Other: 256 } } as unknown as NodeMemory;

let store: MemoryStore;
let intent: { value: MigrationIntent; modRevision: string };

beforeEach(async () => {
  store = new MemoryStore();
  store.put(vmEntries(VM, 'running'));
  const epoch = (await store.get(keys.vmOwner(VM)))?.modRevision ?? '';
  const value = { ...testIntent(VM), epoch };
  const memory = { [keys.nodeMemory(value.source)]: held, [keys.nodeMemory(value.destination)]: held };
  const facts = { ...testFacts(value.destination), bootId: 'boot of the destination' };
  store.put({ ...memory, [keys.nodeFacts(value.destination)]: facts, [keys.vmIntent(VM)]: value });
  intent = { value, modRevision: (await store.get(keys.vmIntent(VM)))?.modRevision ?? '' };
});

async function close(settlement: SettlementKind, reason: string | null = null, meanwhile = () => undefined as void) {
  const found = await readForClosing(intent.value, store);
  meanwhile();
  const receipt = { id: intent.value.migrationId, reason } as Receipt;
  return await closeMigration(intent, { settlement, receipt, found }, { store, clock: new ManualClock() });
}

const allocated = (node: string) =>
  Object.keys(store.value<NodeMemory>(keys.nodeMemory(node))?.allocations ?? {}).includes(VM);
const after = () => ({
  owner: store.value<VmOwner>(keys.vmOwner(VM))?.node,
  heldBy: [intent.value.source, intent.value.destination].filter(allocated),
  open: store.value(keys.vmIntent(VM)) !== undefined,
});

test('handed over: the destination owns the VM, the source holds no memory for it any more, and nobody closes it again', async () => {
  const { source, destination, migrationId } = intent.value;
  expect(await close('handed-over')).toBe('closed');
  expect(after()).toEqual({ owner: destination, heldBy: [destination], open: false });
  expect(store.value<VmStatus>(keys.vmStatus(VM))).toMatchObject({
    ...{ state: 'running', node: destination, reason: `Live-migrated from ${source}` },
    bootId: 'boot of the destination',
  });
  expect(store.value<Receipt>(keys.migration(migrationId))?.id).toBe(migrationId);
  expect(await close('stayed')).toBe('not-ours');
});

test('stayed: the destination holds no memory for it any more, and its status is as it was', async () => {
  const before = store.value(keys.vmStatus(VM));
  expect(await close('stayed', 'cancelled')).toBe('closed');
  expect(after()).toEqual({ owner: intent.value.source, heldBy: [intent.value.source], open: false });
  expect(store.value(keys.vmStatus(VM))).toEqual(before);
});

test.each(['continues-anew', 'restart'] as const)(
  '%s: nothing that knows the old epoch can do anything',
  async (settlement) => {
    expect(await close(settlement, 'the copy ended')).toBe('closed');
    expect(after()).toEqual({ owner: intent.value.source, heldBy: [intent.value.source], open: false });
    expect((await store.get(keys.vmOwner(VM)))?.modRevision).not.toBe(intent.value.epoch);
    const { state, reason } = store.value<VmStatus>(keys.vmStatus(VM)) ?? {};
    expect(state).toBe(settlement === 'restart' ? 'starting' : 'running');
    if (settlement === 'restart') expect(reason).toContain('the copy ended');
  },
);

test('what somebody else has written meanwhile is not lost: it is tried again', async () => {
  const others = { ...held, allocations: { [VM]: 256, New: 256 } };
  const write = () => store.put({ [keys.nodeMemory(intent.value.source)]: others });
  expect(await close('handed-over', null, write)).toBe('again');
  expect(await close('handed-over')).toBe('closed');
  expect(store.value<NodeMemory>(keys.nodeMemory(intent.value.source))?.allocations).toEqual({ New: 256 });
});
