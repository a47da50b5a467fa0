// Which side may run a VM whose migration is open, when one of its nodes does not answer. While the intent is there both nodes are
// suspect: nobody starts the VM from its disk before both sides are settled, that is fenced, or answered for by their agents.
import type { ClusterState, Now, VmEntry } from '../model/cluster-state.ts';
import type { MigrationIntent } from '../model/intent.ts';
import { keys } from '../model/keys.ts';
import type { NodeName } from '../model/names.ts';
import { withoutAllocation } from '../model/node.ts';
import type { Compare, Transaction, Write } from '../model/transaction.ts';
import type { VmStatus } from '../model/vm.ts';
import { isGuarded, provenQuiet } from './proven-quiet.ts';

/** What is known of the source. `answered`: by its agent, just now. */
export type SourceKnowledge =
  | { readonly kind: 'not-asked' }
  /** Asked, and not heard. */
  | { readonly kind: 'silent' }
  | {
      readonly kind: 'answered';
      /**
       * `completed`: QEMU has reported it, so it never continues by itself. `continues`: the transfer has ended without that,
       * and the guest runs. `gone`: the process has ended.
       */
      readonly qemu: 'not-completed' | 'continues' | 'completed' | 'gone';
      /** False only if this agent has run without a restart since the intent was written, and has sent no GO. */
      readonly goMayHaveBeenSent: boolean;
    };

export type DestinationKnowledge =
  | { readonly kind: 'not-asked' }
  | { readonly kind: 'silent' }
  | {
      readonly kind: 'answered';
      /** As in `destination-status` between agents. `absent`: none, and none will be; `dead`: its process is gone. */
      readonly copy: 'absent' | 'receiving' | 'loaded' | 'running' | 'dead';
      /** False only if it is certain that the copy never ran: seen without a gap, or noted. */
      readonly mayHaveRun: boolean;
      /** Whether it knows that the source completed, by GO. A copy that has merely loaded everything does not. */
      readonly hasGo: boolean;
    };

export interface OpenMigrationSight {
  readonly source: SourceKnowledge;
  readonly destination: DestinationKnowledge;
  /** Fenced, and no copy of this VM executes there: see provenQuiet. */
  readonly sourceFenced: boolean;
  readonly destinationFenced: boolean;
}

export type SettlementKind =
  /** The destination owns the VM and runs it. */
  | 'handed-over'
  /** The source goes on as if nothing had happened. */
  | 'stayed'
  /** The source goes on although its QEMU had completed; the epoch changes. */
  | 'continues-anew'
  /** Neither copy may run: it is started from its disk, by the source or, if that is fenced, where the recovery puts it. */
  | 'restart';

export type SettleDecision =
  /** A side has to be asked before anything can be said. */
  | { readonly kind: 'ask'; readonly whom: 'source' | 'destination'; readonly reason: string }
  /** For the takeover or the return of a node. */
  | { readonly kind: 'wait'; readonly reason: string }
  /** Something has to be done first; then look again. */
  | {
      readonly kind: 'do';
      /** Whose agent does it. */
      readonly by: 'source' | 'destination';
      readonly what: 'cancel-transfer' | 'send-go' | 'discard-copy' | 'run-copy' | 'kill-source' | 'quit-source';
      readonly reason: string;
    }
  | {
      readonly kind: 'close';
      readonly settlement: SettlementKind;
      readonly mayRun: 'source' | 'destination' | 'neither';
      readonly reason: string;
      /** What the closing transaction compares besides the intent and the owner: that these nodes are still fenced. */
      readonly relyOnFenced: readonly ('source' | 'destination')[];
    };

/** Level-triggered: the caller asks or does what is said, and decides again with what it learned. */
export function settleIntent(sight: OpenMigrationSight): SettleDecision {
  if (sight.sourceFenced) return withoutSource(sight, 'the source is fenced', ['source']);
  switch (sight.source.kind) {
    case 'not-asked':
      return { kind: 'ask', whom: 'source', reason: 'the source has not been asked yet' };
    case 'silent':
      return {
        kind: 'wait',
        reason: 'the source does not answer and is not fenced: its copy, or one that got GO, may run',
      };
    case 'answered':
      switch (sight.source.qemu) {
        case 'not-completed':
          return act('source', 'cancel-transfer', 'the source has not completed, so the guest continues there');
        case 'continues':
          return {
            ...{ kind: 'close', settlement: 'stayed', mayRun: 'source', relyOnFenced: [] },
            reason: 'the guest runs on the source, and without GO no other copy ever does',
          };
        case 'completed':
          return sourceCompleted(sight, sight.source);
        case 'gone':
          return withoutSource(sight, "the source's QEMU has ended", []);
      }
  }
}

type Answered<T extends { readonly kind: string }> = Extract<T, { readonly kind: 'answered' }>;

const OLDER = 'it may have run: the memory on the source may be older than the disk';

/** It never continues by itself; only proof that no other copy ran or will run lets it. */
function sourceCompleted(sight: OpenMigrationSight, source: Answered<SourceKnowledge>): SettleDecision {
  const { destination } = sight;
  if (sight.destinationFenced) {
    return source.goMayHaveBeenSent
      ? act('source', 'kill-source', `the destination is fenced, and ${OLDER}`)
      : continuesAnew('the destination is fenced, and GO was never sent to it', ['destination']);
  }
  switch (destination.kind) {
    case 'not-asked':
    case 'silent':
      return act('source', 'send-go', 'the source never runs it again');
    case 'answered':
      switch (destination.copy) {
        case 'running':
          return act('source', 'quit-source', 'the guest runs on the destination');
        case 'receiving':
        case 'loaded':
          return act('source', 'send-go', 'the source never runs it again');
        case 'absent':
        case 'dead':
          return destination.mayHaveRun
            ? act('source', 'kill-source', `the destination's copy ended, and ${OLDER}`)
            : continuesAnew("the destination's copy ended and never ran", []);
      }
  }
}

function continuesAnew(reason: string, relyOnFenced: readonly ('source' | 'destination')[]): SettleDecision {
  return { kind: 'close', settlement: 'continues-anew', mayRun: 'source', reason, relyOnFenced };
}

/** The source's copy never executes again; the destination's may only with GO. */
function withoutSource(sight: OpenMigrationSight, why: string, fenced: readonly 'source'[]): SettleDecision {
  const { destination } = sight;
  if (sight.destinationFenced) {
    const relyOnFenced = [...fenced, 'destination' as const];
    return {
      kind: 'close',
      settlement: 'restart',
      mayRun: 'neither',
      reason: `${why}, and so is the destination`,
      relyOnFenced,
    };
  }
  switch (destination.kind) {
    case 'not-asked':
      return { kind: 'ask', whom: 'destination', reason: `${why}; the destination may have had GO` };
    case 'silent':
      return {
        kind: 'wait',
        reason: `${why}, and the destination does not answer and is not fenced: it may run on a GO`,
      };
    case 'answered':
      switch (destination.copy) {
        case 'running':
          return {
            ...{ kind: 'close', settlement: 'handed-over', mayRun: 'destination', relyOnFenced: fenced },
            reason: `${why}, and the guest runs on the destination`,
          };
        case 'loaded':
          // All loaded is not enough: the source may have resumed its guest after that, and written to the disk.
          return destination.hasGo
            ? act('destination', 'run-copy', `${why}, and the destination knows that it had completed`)
            : act('destination', 'discard-copy', `${why}, and nobody knows whether it had completed`);
        case 'receiving':
          return act('destination', 'discard-copy', `${why}, and the destination's memory is incomplete`);
        case 'absent':
        case 'dead':
          return {
            ...{ kind: 'close', settlement: 'restart', mayRun: 'neither', relyOnFenced: fenced },
            reason: `${why}, and the destination has no copy any more`,
          };
      }
  }
}

type Do = Extract<SettleDecision, { readonly kind: 'do' }>;

function act(by: Do['by'], what: Do['what'], reason: string): Do {
  return { kind: 'do', by, what, reason };
}

/** What the store knows of both nodes, for {@link settleIntent}. */
export function fencedSides(
  state: ClusterState,
  entry: VmEntry,
): Pick<OpenMigrationSight, 'sourceFenced' | 'destinationFenced'> {
  const quiet = (node: NodeName | undefined) =>
    provenQuiet(state.nodes.get(node ?? '')?.membership ?? null, isGuarded(entry));
  const intent = entry.intent?.value;
  return { sourceFenced: quiet(intent?.source), destinationFenced: quiet(intent?.destination) };
}

interface ClosingInput {
  readonly decision: Pick<
    Extract<SettleDecision, { readonly kind: 'close' }>,
    'settlement' | 'reason' | 'relyOnFenced'
  >;
  /** Of the migration, complete; stored as the proof that it is closed. */
  readonly receipt: unknown;
  readonly now: Now;
}

/**
 * The one transaction that closes the migration, whoever does it: of two competing settlements one fails. Null if the migration is closed already, or if
 * a node that the decision takes for fenced is not any more.
 */
export function closingTransaction(
  state: ClusterState,
  entry: VmEntry,
  { decision, receipt, now }: ClosingInput,
): Transaction | null {
  if (entry.intent === null) return null;
  const { value: intent, modRevision } = entry.intent;
  const { vm } = intent;
  const { settlement, reason, relyOnFenced } = decision;
  const sides = fencedSides(state, entry);
  if (relyOnFenced.some((side) => !(side === 'source' ? sides.sourceFenced : sides.destinationFenced))) return null;
  const fenced = relyOnFenced.map((side): Compare => {
    const node = intent[side];
    return { key: keys.nodeMembership(node), modRevision: state.nodes.get(node)?.membership?.modRevision ?? '0' };
  });
  const freed = freedMemory(state, intent, settlement);
  const destinationBootId = state.nodes.get(intent.destination)?.facts?.value.bootId;
  const status = statusAfter({ entry, intent, settlement, reason, destinationBootId, now });
  const owner = ownerAfter(intent, settlement);
  return {
    compare: [
      { key: keys.vmIntent(vm), modRevision },
      { key: keys.vmOwner(vm), modRevision: intent.epoch },
      ...(status === null ? [] : [{ key: keys.vmStatus(vm), modRevision: entry.status?.modRevision ?? '0' }]),
      ...fenced,
      ...freed.map(({ compare }) => compare),
    ],
    write: [
      { delete: keys.vmIntent(vm) },
      { delete: keys.vmCancel(vm) },
      { delete: keys.migrationProgress(intent.migrationId) },
      { put: keys.migration(intent.migrationId), value: receipt },
      ...(owner === null ? [] : [{ put: keys.vmOwner(vm), value: { node: owner } }]),
      ...(status === null ? [] : [{ put: keys.vmStatus(vm), value: status }]),
      ...freed.map(({ write }) => write),
    ],
  };
}

/** Writing the same owner changes the epoch: whatever still knows the old one can do nothing any more. */
function ownerAfter(intent: MigrationIntent, settlement: SettlementKind): NodeName | null {
  switch (settlement) {
    case 'handed-over':
      return intent.destination;
    case 'continues-anew':
    case 'restart':
      return intent.source;
    case 'stayed':
      return null;
  }
}

/** The owner keeps what is held for it: it runs there, or is started there again. */
function freedMemory(
  state: ClusterState,
  intent: MigrationIntent,
  settlement: SettlementKind,
): { readonly compare: Compare; readonly write: Write }[] {
  const node = settlement === 'handed-over' ? intent.source : intent.destination;
  const memory = state.memory.get(node);
  if (memory?.value.allocations[intent.vm] === undefined) return [];
  const key = keys.nodeMemory(node);
  return [
    {
      compare: { key, modRevision: memory.modRevision },
      write: { put: key, value: withoutAllocation(memory.value, intent.vm) },
    },
  ];
}

interface StatusInput {
  readonly entry: VmEntry;
  readonly intent: MigrationIntent;
  readonly settlement: SettlementKind;
  readonly reason: string;
  /** Undefined: not known. */
  readonly destinationBootId: string | undefined;
  readonly now: Now;
}

/** Null: it stays as it is. */
function statusAfter({ entry, intent, settlement, reason, destinationBootId, now }: StatusInput): VmStatus | null {
  if (settlement === 'stayed' || settlement === 'continues-anew') return null;
  const before = entry.status?.value;
  const common = {
    ...{ settledRequest: before?.settledRequest ?? null, error: null, instance: null },
    since: new Date(now.wallMs).toISOString(),
    ...(before?.restarts !== undefined && { restarts: before.restarts }),
  };
  if (settlement === 'handed-over') {
    // The copy was put where the source's process was: among those that the guard stops, or not.
    const guarded = before?.guarded === undefined ? {} : { guarded: before.guarded };
    const boot = destinationBootId === undefined ? {} : { bootId: destinationBootId };
    const there = { node: intent.destination, reason: `Live-migrated from ${intent.source}` };
    return { ...common, ...guarded, ...boot, ...there, state: 'running' };
  }
  const wanted = entry.record.value.desired === 'running';
  const why = `Its migration to ${intent.destination} was settled: ${reason}; it is ${wanted ? 'started from its disk' : 'off'}`;
  return { ...common, state: wanted ? 'starting' : 'off', node: intent.source, reason: why };
}
