import { describe, expect, test } from 'vitest';
import type { Clock } from '../../ports/clock.ts';
import type { MigrationStatus } from '../../ports/hypervisor.ts';
import { type Ask, beginTransfer, endTransfer, openForMigration } from './migration-channel.ts';

/** Time passes only by sleeping. */
function stepClock(): Clock {
  let nowMs = 0;
  const sleep = async (ms: number) => {
    nowMs += ms;
  };
  return {
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep,
    after: () => () => undefined,
    every: () => () => undefined,
  };
}

/** Answers by command name; anything else is answered with an empty object. */
function script(answers: Record<string, (args: unknown) => unknown> = {}) {
  const asked: { command: string; args: unknown; outOfBand: boolean }[] = [];
  const ask: Ask = async (command, args, options) => {
    asked.push({ command, args, outOfBand: options?.outOfBand === true });
    return answers[command]?.(args) ?? {};
  };
  return { ask, asked, commands: () => asked.map(({ command }) => command) };
}

describe('endTransfer', () => {
  test('is satisfied with `migrate_cancel` when QEMU leaves the transfer', async () => {
    let status: MigrationStatus = 'active';
    const { ask, commands } = script({ migrate_cancel: () => (status = 'cancelled') });
    await endTransfer(ask, stepClock(), () => status);
    expect(commands()).toEqual(['migrate_cancel']);
  });

  test.each(['active', 'device', 'cancelling'] as const)('cuts out of band what stays "%s"', async (status) => {
    const { ask, asked } = script();
    await endTransfer(ask, stepClock(), () => status);
    expect(asked.at(-1)).toMatchObject({ command: 'yank', outOfBand: true });
  });

  test('cuts at once when QEMU does not even answer', async () => {
    const { ask, commands } = script({
      migrate_cancel: () => {
        throw new Error('no answer');
      },
    });
    await endTransfer(ask, stepClock(), () => 'device');
    expect(commands()).toEqual(['migrate_cancel', 'yank']);
  });
});

describe('openForMigration', () => {
  test('keeps the images closed until `cont`, and lets in only the expected source', async () => {
    const { ask, asked } = script({
      'qom-list': () => [{ name: 'rng0' }, { name: 'godwit-tls-1' }, { name: 'godwit-authz-1' }],
      'query-migrate': () => ({ 'socket-address': [{ port: '34971' }] }),
    });
    expect(await openForMigration(ask, '/pki', { listenAddress: 'fd00::2', tlsPeer: 'node1' })).toBe(34971);
    const text = JSON.stringify(asked);
    expect(text).toContain('{"capability":"late-block-activate","state":true}');
    expect(text).toContain('"policy":"deny","rules":[{"match":"CN=node1,O=godwit","policy":"allow","format":"exact"}');
    expect(text).toContain('"uri":"tcp:[fd00::2]:0"');
    expect(asked.filter(({ command }) => command === 'object-del').map(({ args }) => args)).toEqual([
      { id: 'godwit-tls-1' },
      { id: 'godwit-authz-1' },
    ]);
  });
});

/** Names of the capabilities that are switched on, and off, by the first command. */
function switched(asked: readonly { readonly args: unknown }[]) {
  const [first] = asked as [{ args: { capabilities: { capability: string; state: boolean }[] } }];
  const { capabilities } = first.args;
  const names = (wanted: boolean) => capabilities.filter(({ state }) => state === wanted).map((one) => one.capability);
  return { on: names(true), off: names(false) };
}

describe('compression', () => {
  const incoming = { listenAddress: '10.0.0.2', tlsPeer: null };
  const outgoing = { address: '10.0.0.2', port: 34971, tlsPeer: null };
  const answers = { 'query-migrate': () => ({ 'socket-address': [{ port: '34971' }] }) };

  test.each([
    ['none', [], ['xbzrle', 'multifd', 'pause-before-switchover']],
    ['xbzrle', ['xbzrle'], ['multifd', 'pause-before-switchover']],
    ['multifd-zstd', ['multifd'], ['xbzrle', 'pause-before-switchover']],
  ] as const)('%s is on at both ends, and what an earlier attempt had on is off', async (compression, on, off) => {
    for (const side of ['source', 'destination']) {
      const { ask, asked } = script(answers);
      if (side === 'source') await beginTransfer(ask, '/pki', { ...outgoing, compression });
      else await openForMigration(ask, '/pki', { ...incoming, compression });
      const found = switched(asked);
      expect(found.on).toEqual(expect.arrayContaining([...on]));
      expect(found.off).toEqual(expect.arrayContaining([...off]));
      expect([...found.on, ...found.off]).toHaveLength(8);
    }
  });

  test('of several channels is set up before the destination listens', async () => {
    const { ask, asked, commands } = script(answers);
    await openForMigration(ask, '/pki', { ...incoming, compression: 'multifd-zstd' });
    expect(commands()).toEqual([
      'migrate-set-capabilities',
      'migrate-set-parameters',
      'migrate-incoming',
      'query-migrate',
    ]);
    expect(asked[1]?.args).toEqual({
      'multifd-channels': 2,
      'multifd-compression': 'zstd',
      'multifd-zstd-level': 1,
    });
  });

  test('by differences begins with a cache too small to do anything', async () => {
    const { ask, asked } = script();
    await beginTransfer(ask, '/pki', { ...outgoing, compression: 'xbzrle' });
    expect(asked[1]?.args).toMatchObject({ 'xbzrle-cache-size': 4096 });
  });
});

describe('beginTransfer', () => {
  test('sets every parameter anew, so that nothing of an earlier attempt stays', async () => {
    const { ask, asked } = script();
    await beginTransfer(ask, '/pki', { address: '10.0.0.2', port: 34971, tlsPeer: null, downtimeLimitMs: 25 });
    expect(asked.map(({ command }) => command)).toEqual([
      'migrate-set-capabilities',
      'migrate-set-parameters',
      'migrate',
    ]);
    expect(asked[1]?.args).toMatchObject({
      'downtime-limit': 25,
      'max-bandwidth': 1_000_000_000_000,
      'max-cpu-throttle': 1,
      'tls-creds': '',
      'tls-hostname': '',
    });
    expect(asked[2]?.args).toEqual({ uri: 'tcp:10.0.0.2:34971' });
  });
});
