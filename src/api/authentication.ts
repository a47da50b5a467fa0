import { createHash, scrypt, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { ApiContext } from './context.ts';

/** A wrong password is answered this much later, so that trying many takes long. */
const FAILURE_DELAY_MS = 400;

/** Every request but those to open routes must come with the administrator's name and password (HTTP Basic). */
export function requireSignIn(app: FastifyInstance, context: Pick<ApiContext, 'config' | 'clock'>): void {
  const verify = passwordCheck(context.config.administrator);
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.open === true) return;
    const credential = credentialOf(request);
    if (credential !== null && (await verify(credential))) return;
    if (credential !== null) await context.clock.sleep(FAILURE_DELAY_MS);
    void reply.header('www-authenticate', 'Basic realm="godwit", charset="UTF-8"');
    throw new GodwitError({
      code: 'NOT_SIGNED_IN',
      message: credential === null ? 'The request has no name and password.' : 'The name or the password is wrong.',
      state: NOTHING_CHANGED,
      nextStep: "Sign in with the administrator's name and password (HTTP Basic authentication).",
    });
  });
}

interface Credential {
  readonly user: string;
  readonly password: string;
}

function credentialOf(request: FastifyRequest): Credential | null {
  const match = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(request.headers.authorization ?? '');
  if (match === null) return null;
  const text = Buffer.from(match[1] ?? '', 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/**
 * scrypt is slow on purpose, so the last credential that passed is remembered as a digest. Others are
 * checked one at a time: guesses from many connections must not take all of the node's threads.
 */
function passwordCheck(administrator: ApiContext['config']['administrator']) {
  let passed: Buffer | null = null;
  let queue: Promise<unknown> = Promise.resolve();
  return (credential: Credential): Promise<boolean> => {
    const digest = createHash('sha256').update(`${credential.user}:${credential.password}`).digest();
    if (passed !== null && timingSafeEqual(passed, digest)) return Promise.resolve(true);
    const checked = queue.then(async () => {
      const matches = await matchesHash(credential.password, administrator.passwordHash);
      if (!matches || credential.user !== administrator.user) return false;
      passed = digest;
      return true;
    });
    queue = checked.catch(() => undefined);
    return checked;
  };
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
