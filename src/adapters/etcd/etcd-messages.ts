import type { Revision } from '../../model/names.ts';
import type { StoreEntry, Transaction } from '../../ports/store.ts';
import type { KeyValue } from './generated/kv.ts';
import { Compare_CompareResult, Compare_CompareTarget, TxnRequest, type TxnResponse } from './generated/rpc.ts';

/** A key as a member has it, the value still in bytes. */
export interface SeenEntry {
  readonly key: string;
  readonly modRevision: Revision;
  readonly text: string;
}

const MARK_LENGTH = 48;
const NO_KEY = '/godwit-no-key';
const LAST_REVISION: Revision = '9223372036854775807';

/**
 * Values are JSON, and JSON may end in white space, which no reader sees. Every transaction writes its values
 * with white space of its own behind them, so that it can later recognize what it wrote itself,
 * also where somebody else writes the same value at the same moment.
 */
export function markFrom(random: Uint8Array): string {
  let mark = '';
  for (let bit = 0; bit < MARK_LENGTH; bit++) mark += ((random[bit >> 3] ?? 0) >> (bit & 7)) & 1 ? '\t' : ' ';
  return mark;
}

export function encodeTransaction(transaction: Transaction, mark: string): TxnRequest {
  return TxnRequest.fromPartial({
    compare: transaction.compare.map(({ key, modRevision }) => ({
      result: Compare_CompareResult.EQUAL,
      target: Compare_CompareTarget.MOD,
      key: Buffer.from(key),
      targetUnion: { $case: 'modRevision' as const, value: modRevision },
    })),
    success: transaction.write.map((write) =>
      'put' in write
        ? put(write.put, encodeValue(write.value) + mark)
        : {
            request: { $case: 'requestDeleteRange' as const, value: { key: Buffer.from(write.delete) } },
          },
    ),
    failure: keysToSee(transaction).map(range),
  });
}

/** Reads, at one revision, every key that {@link judgeLost} has to see. */
export function encodeLook(transaction: Transaction): TxnRequest {
  return TxnRequest.fromPartial({ success: keysToSee(transaction).map(range) });
}

/**
 * Changes nothing: no key has that revision. Since it could write, it goes through the log, and its answer has the revision of
 * the store at that place.
 */
export function encodeQuestionForLog(): TxnRequest {
  const nothing = { key: NO_KEY, modRevision: LAST_REVISION };
  return encodeTransaction({ compare: [nothing], write: [{ delete: NO_KEY }] }, '');
}

/** What the reads in the answer saw; absent keys are left out. */
export function decodeSeen(answer: TxnResponse): SeenEntry[] {
  return answer.responses.flatMap(({ response }) =>
    response?.$case === 'responseRange' ? response.value.kvs.map(decodeSeenEntry) : [],
  );
}

export function decodeEntry(keyValue: KeyValue): StoreEntry {
  return toStoreEntry(decodeSeenEntry(keyValue));
}

export function toStoreEntry({ key, modRevision, text }: SeenEntry): StoreEntry {
  return { key, value: decodeValue(text), modRevision };
}

/** The first key behind all keys that begin with the prefix. */
export function endOfPrefix(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  const last = end.length - 1;
  const lastByte = end[last];
  // No byte of UTF-8 text is 0xff, so adding one to the last never overflows.
  if (lastByte === undefined) throw new Error('The prefix is empty.');
  end[last] = lastByte + 1;
  return end;
}

/** Revisions are decimal text of 64-bit integers. */
export function isOlder(one: Revision, other: Revision): boolean {
  return BigInt(one) < BigInt(other);
}

function decodeSeenEntry(keyValue: KeyValue): SeenEntry {
  return { key: keyValue.key.toString(), modRevision: keyValue.modRevision, text: keyValue.value.toString() };
}

function encodeValue(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError('A value that JSON cannot express was to be written to the store.');
  return text;
}

/** What is not JSON was put there by somebody's hand; it is handed on as text, for the reader's checks to reject. */
function decodeValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function keysToSee(transaction: Transaction): readonly string[] {
  const puts = transaction.write.flatMap((write) => ('put' in write ? [write.put] : []));
  return [...new Set([...transaction.compare.map(({ key }) => key), ...puts])];
}

function put(key: string, text: string) {
  return {
    request: { $case: 'requestPut' as const, value: { key: Buffer.from(key), value: Buffer.from(text) } },
  };
}

function range(key: string) {
  return { request: { $case: 'requestRange' as const, value: { key: Buffer.from(key) } } };
}
