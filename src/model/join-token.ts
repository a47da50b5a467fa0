/** The text of a token: its id, its secret, and by which certificate authority its cluster is known. */
import { GodwitError, NOTHING_CHANGED } from './errors.ts';

export interface JoinToken {
  readonly id: string;
  readonly secret: string;
  /** SHA-256 of the authority's certificate (DER), base64url. */
  readonly caFingerprint: string;
}

const KIND = 'godwit1';
const PATTERN = /^godwit1\.([A-Za-z0-9_-]{8,32})\.([A-Za-z0-9_-]{32,64})\.([A-Za-z0-9_-]{43})$/;

export function formatJoinToken(token: JoinToken): string {
  return [KIND, token.id, token.secret, token.caFingerprint].join('.');
}

/** Throws JOIN_TOKEN_INVALID. */
export function parseJoinToken(text: string): JoinToken {
  const [, id, secret, caFingerprint] = PATTERN.exec(text.trim()) ?? [];
  if (id !== undefined && secret !== undefined && caFingerprint !== undefined) return { id, secret, caFingerprint };
  throw new GodwitError({
    code: 'JOIN_TOKEN_INVALID',
    message: 'This is not the text of a token: one begins with "godwit1." and has four parts.',
    state: NOTHING_CHANGED,
    nextStep: 'Copy the whole token that `godwit cluster token` printed on a node of the cluster.',
  });
}
