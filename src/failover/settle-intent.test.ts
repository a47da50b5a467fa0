import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NOW, type TestNode, testCluster, transact } from '../../test/doubles/failover-cluster.ts';
import { keys } from '../model/keys.ts';
import {
  closingTransaction,
  type DestinationKnowledge,
  fencedSides,
  type OpenMigrationSight,
  type SettleDecision,
  settleIntent,
  type SourceKnowledge,
} from './settle-intent.ts';

const SILENT = { kind: 'silent' } as const;
const NOT_ASKED = { kind: 'not-asked' } as const;

function source(qemu: 'not-completed' | 'continues' | 'completed' | 'gone', goMayHaveBeenSent = true): SourceKnowledge {
  return { kind: 'answered', qemu, goMayHaveBeenSent };
}

type Copy = Extract<DestinationKnowledge, { kind: 'answered' }>;

function copy(kind: Copy['copy'], more: Partial<Copy> = {}): DestinationKnowledge {
  return { kind: 'answered', copy: kind, mayHaveRun: kind === 'running', hasGo: kind === 'running', ...more };
}

function sight(change: Partial<OpenMigrationSight>): OpenMigrationSight {
  return { source: SILENT, destination: SILENT, sourceFenced: false, destinationFenced: false, ...change };
}

/** In one word. */
function verdict(change: Partial<OpenMigrationSight>): string {
  const decision = settleIntent(sight(change));
  switch (decision.kind) {
    case 'ask':
      return `ask ${decision.whom}`;
    case 'wait':
      return 'wait';
    case 'do':
      return `${decision.by}: ${decision.what}`;
    case 'close':
      return `close: ${decision.settlement}`;
  }
}

describe('settleIntent', () => {
  const fenced = { sourceFenced: true };
  test.each<[string, Partial<OpenMigrationSight>, string]>([
    ['a source that has not completed continues', { source: source('not-completed') }, 'source: cancel-transfer'],
    ['and the intent is closed when it does', { source: source('continues') }, 'close: stayed'],
    [
      'a source that has completed sends GO',
      { source: source('completed'), destination: copy('loaded') },
      'source: send-go',
    ],
    ['again and again to a silent destination', { source: source('completed') }, 'source: send-go'],
    [
      'and ends when the guest runs there',
      { source: source('completed'), destination: copy('running') },
      'source: quit-source',
    ],
    ['which then owns it', { source: source('gone'), destination: copy('running') }, 'close: handed-over'],
    [
      'killed, never ran: the source goes on under a new epoch',
      { source: source('completed'), destination: copy('absent') },
      'close: continues-anew',
    ],
    [
      'ended, and may have run: the source never continues',
      { source: source('completed'), destination: copy('dead', { mayHaveRun: true }) },
      'source: kill-source',
    ],
    [
      'destination fenced, and GO may be with it: the source never continues',
      { source: source('completed'), destinationFenced: true },
      'source: kill-source',
    ],
    [
      'destination fenced, and GO was never sent',
      { source: source('completed', false), destinationFenced: true },
      'close: continues-anew',
    ],
    ['source gone and destination fenced', { source: source('gone'), destinationFenced: true }, 'close: restart'],
    ['a silent source that is not fenced is waited for', { destination: copy('loaded') }, 'wait'],
    ['even if the guest runs on the destination', { destination: copy('running') }, 'wait'],
    ['source fenced: the destination is asked', { ...fenced, destination: NOT_ASKED }, 'ask destination'],
    ['source fenced, destination silent', { ...fenced }, 'wait'],
    [
      'source fenced, the guest runs on the destination',
      { ...fenced, destination: copy('running') },
      'close: handed-over',
    ],
    [
      'source fenced, all loaded and GO there',
      { ...fenced, destination: copy('loaded', { hasGo: true }) },
      'destination: run-copy',
    ],
    ['source fenced, all loaded without GO', { ...fenced, destination: copy('loaded') }, 'destination: discard-copy'],
    ['source fenced, memory incomplete', { ...fenced, destination: copy('receiving') }, 'destination: discard-copy'],
    ['source fenced, copy killed', { ...fenced, destination: copy('absent') }, 'close: restart'],
    ['both fenced', { ...fenced, destinationFenced: true }, 'close: restart'],
  ])('%s', (_name, change, expected) => {
    expect(verdict(change)).toBe(expected);
  });

  const arbitrarySight = fc.record({
    source: fc.oneof(
      fc.constant<SourceKnowledge>(SILENT),
      fc.constant<SourceKnowledge>(NOT_ASKED),
      fc.record({
        kind: fc.constant('answered' as const),
        qemu: fc.constantFrom('not-completed' as const, 'continues' as const, 'completed' as const, 'gone' as const),
        goMayHaveBeenSent: fc.boolean(),
      }),
    ),
    destination: fc.oneof(
      fc.constant<DestinationKnowledge>(SILENT),
      fc.constant<DestinationKnowledge>(NOT_ASKED),
      fc.record({
        kind: fc.constant('answered' as const),
        copy: fc.constantFrom<Copy['copy']>('absent', 'receiving', 'loaded', 'running', 'dead'),
        mayHaveRun: fc.boolean(),
        hasGo: fc.boolean(),
      }),
    ),
    sourceFenced: fc.boolean(),
    destinationFenced: fc.boolean(),
  });

  test('never starts from disk, and never hands over, while a side may still run it', () => {
    fc.assert(
      fc.property(arbitrarySight, (seen) => {
        const decision = settleIntent(seen);
        if (decision.kind !== 'close') return;
        const answered = seen.source.kind === 'answered' ? seen.source : null;
        const destination = seen.destination.kind === 'answered' ? seen.destination : null;
        const sourceEnded = seen.sourceFenced || answered?.qemu === 'gone';
        const destinationEnded =
          seen.destinationFenced || destination?.copy === 'absent' || destination?.copy === 'dead';
        if (decision.settlement === 'restart') expect([sourceEnded, destinationEnded]).toEqual([true, true]);
        if (decision.settlement === 'handed-over') expect([sourceEnded, destination?.copy]).toEqual([true, 'running']);
        if (decision.settlement === 'continues-anew') {
          expect(answered?.qemu).toBe('completed');
          expect(destinationEnded).toBe(true);
          expect(seen.destinationFenced ? answered?.goMayHaveBeenSent : destination?.mayHaveRun).toBe(false);
        }
      }),
    );
  });

  test('the guest never continues on the destination without GO', () => {
    fc.assert(
      fc.property(arbitrarySight, (seen) => {
        const decision = settleIntent(seen);
        if (decision.kind !== 'do' || decision.what !== 'run-copy') return;
        expect(seen.destination).toMatchObject({ copy: 'loaded', hasGo: true });
      }),
    );
  });
});

describe('closingTransaction', () => {
  const nodes: TestNode[] = [{ name: 'node1', is: 'fenced' }, { name: 'node2' }, { name: 'node3' }];
  const restart: Extract<SettleDecision, { kind: 'close' }> = {
    ...{ kind: 'close', settlement: 'restart', mayRun: 'neither', reason: 'the source is fenced' },
    relyOnFenced: ['source'],
  };

  function open(change: { readonly highlyAvailable?: boolean; readonly source?: TestNode } = {}) {
    const { highlyAvailable = true, source: first = { name: 'node1', is: 'fenced' } } = change;
    const vm = { name: 'A', on: 'node1', intent: { destination: 'node2' }, record: { highlyAvailable } };
    const state = testCluster([first, ...nodes.slice(1)], [vm]);
    const found = state.vms.get('A');
    if (found?.intent == null || found.owner === null) throw new Error('the test has no intent');
    const intent = { ...found.intent, value: { ...found.intent.value, epoch: found.owner.modRevision } };
    return { state, entry: { ...found, intent } };
  }

  test('leaves a VM that the recovery can place, and frees the destination', () => {
    const { state, entry } = open();
    const transaction = closingTransaction(state, entry, { decision: restart, receipt: { id: 'x' }, now: NOW });
    expect(transaction?.compare.map(({ key }) => key)).toContain(keys.nodeMembership('node1'));
    const after = transaction && transact(state, transaction);
    const vm = after?.vms.get('A');
    expect(vm).toMatchObject({ intent: null, owner: { value: { node: 'node1' } } });
    expect(vm?.owner?.modRevision).not.toBe(entry.owner?.modRevision);
    expect(vm?.status?.value).toMatchObject({ state: 'starting', instance: null });
    expect(after?.memory.get('node2')?.value.allocations).toEqual({});
    expect(after?.migrations.get('01A')).toEqual({ id: 'x' });
  });

  test('a copy that no guard stops stays known as one where it arrived', () => {
    const { state, entry } = open();
    if (entry.status === null) throw new Error('the test has no status');
    const unguarded = { ...entry, status: { ...entry.status, value: { ...entry.status.value, guarded: false } } };
    const decision = { ...restart, settlement: 'handed-over', mayRun: 'destination', relyOnFenced: [] } as const;
    const transaction = closingTransaction(state, unguarded, { decision, receipt: {}, now: NOW });
    const after = transaction && transact(state, transaction);
    expect(after?.vms.get('A')?.status?.value).toMatchObject({ state: 'running', node: 'node2', guarded: false });
  });

  test('a copy that was handed over is known by the boot of its node: after another one it has not ended by itself', () => {
    const { state, entry } = open();
    const decision = { ...restart, settlement: 'handed-over', mayRun: 'destination', relyOnFenced: [] } as const;
    const transaction = closingTransaction(state, entry, { decision, receipt: {}, now: NOW });
    const status = (transaction && transact(state, transaction))?.vms.get('A')?.status?.value;
    expect(status?.bootId).toBe(state.nodes.get('node2')?.facts.value.bootId);
    expect(status?.bootId).toBeTypeOf('string');
  });

  test('of two settlements only one wins', () => {
    const { state, entry } = open();
    const handedOver = { ...restart, settlement: 'handed-over', mayRun: 'destination' } as const;
    const both = [restart, handedOver].map((decision) =>
      closingTransaction(state, entry, { decision, receipt: {}, now: NOW }),
    );
    const after = both[1] && transact(state, both[1]);
    expect(after?.vms.get('A')?.owner?.value.node).toBe('node2');
    expect(after && both[0] && transact(after, both[0])).toBe(null);
  });

  test('relies on no node that is not fenced (any more), nor on silence for a VM that no guard stops', () => {
    const back = open({ source: { name: 'node1' } });
    expect(closingTransaction(back.state, back.entry, { decision: restart, receipt: {}, now: NOW })).toBe(null);
    const unguarded = open({ highlyAvailable: false });
    expect(fencedSides(unguarded.state, unguarded.entry).sourceFenced).toBe(false);
    expect(closingTransaction(unguarded.state, unguarded.entry, { decision: restart, receipt: {}, now: NOW })).toBe(
      null,
    );
  });
});
