import { createHash, scrypt, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AgentConfig } from '../model/agent-config.ts';
import { GodwitError } from '../model/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { sameText } from './sessions.ts';
import { SignInLimit } from './sign-in-limit.ts';

/** A wrong password is answered this much later, so that trying many takes long. */
const FAILURE_DELAY_MS = 400;

export interface Credential {
  readonly user: string;
  readonly password: string;
}

/** Resolves with whether it is right; throws TOO_MANY_SIGN_INS. */
export type PasswordCheck = (
  credential: Credential,
  http: { readonly request: FastifyRequest; readonly reply: FastifyReply },
) => Promise<boolean>;

/**
 * scrypt is slow on purpose, so the last credential that passed is remembered as a digest. Others are
 * checked one at a time: guesses from many connections must not take all of the node's threads.
 */
export function createPasswordCheck(administrator: AgentConfig['administrator'], clock: Clock): PasswordCheck {
  const limit = new SignInLimit();
  let passed: Buffer | null = null;
  let queue: Promise<unknown> = Promise.resolve();
  const matches = async ({ user, password }: Credential): Promise<boolean> => {
    // Both are looked at in any case: the time says nothing about which of them is wrong.
    const passwordMatches = await matchesHash(password, administrator.passwordHash);
    return sameText(user, administrator.user) && passwordMatches;
  };
  return async (credential, { request, reply }) => {
    const address = addressOf(request);
    const waitMs = limit.waitMs(address, clock.monotonicMs());
    // Not even the remembered one: otherwise guesses could be told apart without the slow check.
    if (waitMs > 0) throw tooMany(waitMs, reply);
    const digest = createHash('sha256').update(`${credential.user}:${credential.password}`).digest();
    if (passed !== null && timingSafeEqual(passed, digest)) return true;
    limit.begin(address, clock.monotonicMs());
    const checked = queue.then(() => matches(credential));
    queue = checked.catch(() => undefined);
    if (await checked) {
      passed = digest;
      limit.succeeded(address, clock.monotonicMs());
      return true;
    }
    await clock.sleep(FAILURE_DELAY_MS);
    return false;
  };
}

/** A connection that has just broken has none any more. */
export function addressOf({ raw }: FastifyRequest): string {
  return (raw.socket as { readonly remoteAddress?: string } | undefined)?.remoteAddress ?? '';
}

function tooMany(waitMs: number, reply: FastifyReply): GodwitError {
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  void reply.header('retry-after', String(retryAfterSeconds));
  return new GodwitError({
    code: 'TOO_MANY_SIGN_INS',
    message: `There were too many wrong passwords: the next one is tried in ${retryAfterSeconds} s.`,
    state: 'Nothing was changed. Sessions that are open go on.',
    nextStep: `Wait ${retryAfterSeconds} s, then sign in with the right name and password.`,
    details: { retryAfterSeconds },
  });
}

/** `hash`: "scrypt:<N>:<salt hex>:<hash hex>" with r = 8 and p = 1. */
async function matchesHash(password: string, hash: string): Promise<boolean> {
  const [kind, cost, salt, expectedHex] = hash.split(':');
  if (kind !== 'scrypt' || salt === undefined || !expectedHex)
    throw new Error('The administrator has no usable password hash.');
  const expected = Buffer.from(expectedHex, 'hex');
  const N = Number(cost);
  const actual = await new Promise<Buffer>((resolve, reject) => {
    const options = { N, r: 8, p: 1, maxmem: 256 * N * 8 };
    scrypt(password, Buffer.from(salt, 'hex'), expected.length, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
  return timingSafeEqual(actual, expected);
}
