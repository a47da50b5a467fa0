import { describe, expect, test } from 'vitest';
import { decodeAnswer, decodeCall, encodeAnswer, encodeCall, isPeerMethod } from './link-messages.ts';

describe('decodeCall', () => {
  test('reads what encodeCall wrote', () => {
    expect(decodeCall(encodeCall(7, 'ping', {}))).toEqual({ id: 7, method: 'ping', request: {} });
  });

  test('refuses what is not a call', () => {
    for (const text of ['', 'null', '[]', '{"id":"7","method":"ping"}', '{"id":7}', '{"id":7,"method":5}', '{']) {
      expect(decodeCall(text)).toBeUndefined();
    }
  });
});

describe('decodeAnswer', () => {
  test('reads what encodeAnswer wrote', () => {
    const answer = { id: 7, response: { bootId: 'b' } };
    expect(decodeAnswer(encodeAnswer(answer))).toEqual(answer);
  });

  test('makes INTERNAL of an error code this version does not know, and keeps its text', () => {
    const text = '{"id":7,"error":{"code":"FROM_THE_FUTURE","message":"The moon is full.","state":"s","nextStep":"n"}}';
    expect(decodeAnswer(text)).toEqual({
      id: 7,
      error: { code: 'INTERNAL', message: 'The moon is full.', state: 's', nextStep: 'n' },
    });
  });

  test('makes INTERNAL of an error without a shape', () => {
    expect(decodeAnswer('{"id":7,"error":"no"}')).toMatchObject({ error: { code: 'INTERNAL' } });
    expect(decodeAnswer('{"id":7,"error":{"code":"constructor"}}')).toMatchObject({ error: { code: 'INTERNAL' } });
  });

  test('refuses what is neither answer nor error', () => {
    expect(decodeAnswer('{"id":7}')).toBeUndefined();
    expect(decodeAnswer('{"response":{}}')).toBeUndefined();
  });
});

describe('isPeerMethod', () => {
  test('knows the requests and nothing that every object has', () => {
    expect(isPeerMethod('go')).toBe(true);
    expect(isPeerMethod('toString')).toBe(false);
  });
});
