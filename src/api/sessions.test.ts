import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../test/doubles/memory-store.ts';
import type { AgentConfig } from '../model/agent-config.ts';
import { Sessions } from './sessions.ts';

describe('a session, when name or password have changed', () => {
  const store = new MemoryStore();
  let open: Sessions[];
  beforeEach(() => {
    open = [];
  });
  afterEach(() => {
    for (const sessions of open) sessions.close();
  });

  /** The sessions as an agent has them that was started with this configuration. */
  async function agent(user: string, passwordHash: string): Promise<Sessions> {
    const sessions = new Sessions({
      ...{ store, clock: new ManualClock() },
      config: { administrator: { user, passwordHash } } as AgentConfig,
    });
    open.push(sessions);
    await Promise.resolve();
    return sessions;
  }

  test('goes on at an agent that was only started again', async () => {
    const { secrets } = await (await agent('admin', 'scrypt:old')).open('admin');
    const again = await agent('admin', 'scrypt:old');
    expect((await again.byCookie(secrets.cookie ?? ''))?.session.record.user).toBe('admin');
    expect(await again.byRelay(secrets.relay)).not.toBeNull();
  });

  test.each([
    ['another password', 'admin', 'scrypt:new'],
    ['another name', 'root', 'scrypt:old'],
  ])('is over where the configuration has %s', async (_what, user, passwordHash) => {
    const before = await agent('admin', 'scrypt:old');
    const { session, secrets } = await before.open('admin');
    const changed = await agent(user, passwordHash);
    expect(await changed.byCookie(secrets.cookie ?? '')).toBeNull();
    expect(await changed.byRelay(secrets.relay)).toBeNull();
    expect(changed.lives(session.id)).toBe(false);
  });

  test('of the new password is not deleted by an agent that still has the old one', async () => {
    const changed = await agent('admin', 'scrypt:new');
    const { secrets } = await changed.open('admin');
    await (await agent('admin', 'scrypt:old')).open('admin');
    expect(await changed.byCookie(secrets.cookie ?? '')).not.toBeNull();
  });
});
