import { expect, test } from 'vitest';
import { formatJoinToken, parseJoinToken } from './join-token.ts';

const token = { id: 'abcdefgh', secret: 's'.repeat(43), caFingerprint: 'f'.repeat(43) };

test('a token is read back from its text, with white space around it', () => {
  expect(parseJoinToken(` ${formatJoinToken(token)}\n`)).toEqual(token);
});

test.each(['', 'godwit1.abc', formatJoinToken(token).slice(0, -1), `${formatJoinToken(token)}.x`])(
  'what is no whole token is refused: "%s"',
  (text) => {
    expect(() => parseJoinToken(text)).toThrow(expect.objectContaining({ code: 'JOIN_TOKEN_INVALID' }));
  },
);
