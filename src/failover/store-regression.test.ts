import { describe, expect, test } from 'vitest';
import { judgeStoreAnswer } from './store-regression.ts';

describe('whether the store has gone back in time', () => {
  test.each([
    ['0', '1'],
    ['7', '7'],
    ['9', '10'],
    ['99999', '100000'],
    ['9007199254740993', '9007199254740994'],
  ])('not where revision %s was known and %s is answered', (known, revision) => {
    expect(judgeStoreAnswer({ known, revision, through: 'log' })).toEqual({ kind: 'forward' });
    expect(judgeStoreAnswer({ known, revision, through: 'read' })).toEqual({ kind: 'forward' });
  });

  test.each([
    ['8', '7'],
    ['10', '9'],
    ['9007199254740994', '9007199254740993'],
  ])('proven where revision %s was known and %s comes out of the log', (known, revision) => {
    expect(judgeStoreAnswer({ known, revision, through: 'log' }).kind).toBe('gone-back');
  });

  test('a read proves nothing: the member that answers may only be behind', () => {
    expect(judgeStoreAnswer({ known: '1200', revision: '950', through: 'read' })).toEqual({
      kind: 'doubtful',
      reason: 'it answers with revision 950, and revision 1200 was seen before it was asked',
    });
  });
});
