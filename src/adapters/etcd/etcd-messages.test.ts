import { describe, expect, it } from 'vitest';
import { decodeEntry, encodeTransaction, endOfPrefix, isOlder, markFrom, toStoreEntry } from './etcd-messages.ts';
import { KeyValue } from './generated/kv.ts';
import { TxnRequest } from './generated/rpc.ts';

describe('messages to and from etcd', () => {
  it('survive their encoding', () => {
    const mark = markFrom(Buffer.from('abcdef'));
    const request = encodeTransaction(
      {
        compare: [{ key: 'a', modRevision: '9007199254740993' }],
        write: [{ put: 'b', value: { x: 'ü' } }, { delete: 'c' }],
      },
      mark,
    );
    const decoded = TxnRequest.decode(TxnRequest.encode(request).finish());
    expect(decoded.compare[0]?.targetUnion).toEqual({ $case: 'modRevision', value: '9007199254740993' });
    expect(decoded.success.map(({ request: one }) => one?.$case)).toEqual(['requestPut', 'requestDeleteRange']);
    // On failure the compared key and the key put are read.
    expect(decoded.failure).toHaveLength(2);
  });

  it('compare an absent key with revision 0 on the wire', () => {
    const request = encodeTransaction({ compare: [{ key: 'a', modRevision: '0' }], write: [] }, '');
    const decoded = TxnRequest.decode(TxnRequest.encode(request).finish());
    expect(decoded.compare[0]?.targetUnion).toEqual({ $case: 'modRevision', value: '0' });
  });

  it('refuse a value that is not JSON', () => {
    expect(() => encodeTransaction({ compare: [], write: [{ put: 'a', value: undefined }] }, '')).toThrow(TypeError);
  });
});

describe('values', () => {
  it('do not show the mark behind them', () => {
    const mark = markFrom(Buffer.from([0, 255, 1, 2, 3, 4]));
    expect(mark).toMatch(/^[ \t]{48}$/);
    expect(toStoreEntry({ key: 'a', modRevision: '1', text: `{"x":1}${mark}` }).value).toEqual({ x: 1 });
  });

  it('are marked differently for different random bytes', () => {
    expect(markFrom(Buffer.from('abcdef'))).not.toBe(markFrom(Buffer.from('abcdeg')));
  });

  it('that somebody wrote by hand and that are not JSON come as text', () => {
    const keyValue = KeyValue.fromPartial({ key: Buffer.from('a'), value: Buffer.from('oops'), modRevision: '3' });
    expect(decodeEntry(keyValue)).toEqual({ key: 'a', value: 'oops', modRevision: '3' });
  });
});

it('the end of a prefix is the first key behind it', () => {
  expect(endOfPrefix('/godwit/').toString()).toBe('/godwit0');
});

it('revisions are compared as numbers', () => {
  expect(isOlder('9', '10')).toBe(true);
  expect(isOlder('10', '10')).toBe(false);
});
