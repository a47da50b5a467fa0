import { plainLook } from '../../src/cli/look.ts';
import type { Output } from '../../src/cli/output.ts';
import type { MigrationProgress } from '../../src/migration/migration.ts';
import type { Receipt } from '../../src/migration/receipt.ts';

const STARTED_AT = '2026-11-23T10:00:00.000Z';
const ID = '01M843DF6JW6V022KY1SDPY2V2';

const PHASES: Receipt['phases'] = [
  { name: 'pre-migration', startedAt: STARTED_AT, durationMs: 12.4 },
  { name: 'reservation', startedAt: '2026-11-23T10:00:00.012Z', durationMs: 288 },
  { name: 'iterative-pre-copy', startedAt: '2026-11-23T10:00:00.300Z', durationMs: 2400 },
  { name: 'stop-and-copy', startedAt: '2026-11-23T10:00:02.700Z', durationMs: 18.2 },
  { name: 'commitment-and-activation', startedAt: '2026-11-23T10:00:02.718Z', durationMs: 82 },
];

const ROUNDS: Receipt['rounds'] = [
  {
    round: 1,
    durationMs: 2100,
    sentBytes: 241_172_480,
    remainingBytes: 12_582_912,
    dirtyBytesPerSecond: null,
    bandwidthBytesPerSecond: 114_819_072,
  },
  {
    round: 2,
    durationMs: 300,
    sentBytes: 12_582_912,
    remainingBytes: 524_288,
    dirtyBytesPerSecond: 8_388_608,
    bandwidthBytesPerSecond: 41_943_040,
  },
];

export function sampleReceipt(changes: Partial<Receipt> = {}): Receipt {
  return {
    id: ID,
    vm: 'WebServer',
    source: 'node1',
    destination: 'node2',
    mode: 'live',
    outcome: 'completed',
    reason: null,
    endedIn: 'commitment-and-activation',
    startedAt: STARTED_AT,
    endedAt: '2026-11-23T10:00:02.800Z',
    totalMs: 2800,
    blackoutMs: 21.3,
    networkGapMs: null,
    budgetMs: 50,
    phases: PHASES,
    rounds: ROUNDS,
    blackout: { stopToLastPageMs: 8, deviceStateMs: 10.2, stopToCompletedMs: 18.2, goMs: 0.9, resumeMs: 2.2 },
    network: {
      framesHeld: null,
      framesReplayed: null,
      framesLost: null,
      framesDuplicated: null,
      connectionsKept: null,
      method: null,
      methodReason: null,
      probe: null,
    },
    transferredBytes: 254_803_968,
    memoryBytes: 268_435_456,
    encrypted: true,
    compression: 'none',
    budgetUsedMs: 50,
    complete: true,
    clockErrorMs: 0.2,
    forecast: { totalMs: 2500, blackoutMs: null, converges: null, reason: 'nothing was measured yet' },
    decisions: [
      {
        at: '2026-11-23T10:00:02.650Z',
        what: 'raise-limit',
        why: 'what is left takes 4.8 ms: it fits the budget of 50 ms',
      },
    ],
    notMeasured: {
      networkGapMs: 'no probe watches the guest',
      'network.framesLost': 'no probe watches the guest',
      'forecast.blackoutMs': 'no forecast is made yet',
    },
    ...changes,
  };
}

export function sampleProgress(changes: Partial<MigrationProgress> = {}): MigrationProgress {
  return {
    id: ID,
    vm: 'WebServer',
    source: 'node1',
    destination: 'node2',
    mode: 'live',
    phase: 'iterative-pre-copy',
    startedAt: STARTED_AT,
    elapsedMs: 1500,
    budgetMs: 50,
    memoryBytes: 268_435_456,
    transferredBytes: 134_217_728,
    remainingBytes: 100_663_296,
    bandwidthBytesPerSecond: 114_819_072,
    remainingMs: 880,
    phases: PHASES.slice(0, 2),
    rounds: [],
    decisions: [],
    outcome: null,
    ...changes,
  };
}

/** The end that the samples of a progress lead to. */
export const SAMPLE_PHASES = PHASES;
export const SAMPLE_ROUNDS = ROUNDS;

export interface RecordedOutput extends Output {
  readonly texts: string[];
  readonly errors: string[];
}

/** Keeps what is said; 80 columns, no colour. */
export function recordOutput(isTerminal = false): RecordedOutput {
  const texts: string[] = [];
  const errors: string[] = [];
  return {
    texts,
    errors,
    isTerminal,
    look: plainLook(),
    errorLook: plainLook(),
    print: (text) => void texts.push(`${text}\n`),
    write: (text) => void texts.push(text),
    printError: (text) => void errors.push(text),
  };
}
