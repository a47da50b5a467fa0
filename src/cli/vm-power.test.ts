import { expect, test, vi } from 'vitest';
import type { VmView } from '../contract/vms.ts';
import type { Cluster } from './cluster.ts';
import { changePower, type PowerAction } from './vm-power.ts';

type Request = NonNullable<VmView['request']>;

/** A cluster that takes the request as `ours` and then shows the VM so, one after the other. */
function cluster(views: readonly { readonly newest: [string, Request['action']]; readonly settled: string | null }[]) {
  const left = [...views];
  const call = async (route: { readonly method: string }) => {
    if (route.method === 'POST') return { requestId: 'ours' };
    const { newest, settled } = left.shift() ?? views.at(-1) ?? { newest: ['none', 'start'], settled: null };
    const request = { id: newest[0], action: newest[1], at: '' };
    return { name: 'Db', state: 'off', owner: 'node1', error: null, request, settledRequest: settled };
  };
  return { call } as unknown as Cluster;
}

const ask = (action: PowerAction, views: Parameters<typeof cluster>[0]) => changePower(cluster(views), 'Db', action);

test('whoever is joined by the same wish waits for that one', async () => {
  const vm = await ask('shutdown', [
    { newest: ['ours', 'shutdown'], settled: null },
    { newest: ['theirs', 'shutdown'], settled: null },
    { newest: ['theirs', 'shutdown'], settled: 'theirs' },
  ]);
  expect(vm.settledRequest).toBe('theirs');
});

test('whoever is overtaken by another wish is told which', async () => {
  const views = [
    { newest: ['ours', 'shutdown'], settled: null },
    { newest: ['theirs', 'turn-off'], settled: 'theirs' },
  ] as const;
  await expect(
    ask(
      'shutdown',
      views.map((view) => ({ ...view, newest: [...view.newest] })),
    ),
  ).rejects.toMatchObject({
    code: 'CONCURRENT_CHANGE',
    message: expect.stringContaining('turn-off'),
  });
});

test('an earlier request of the same kind, shown by a node that is behind, is not taken for ours', async () => {
  await expect(ask('shutdown', [{ newest: ['earlier', 'shutdown'], settled: 'earlier' }])).rejects.toMatchObject({
    code: 'CONCURRENT_CHANGE',
  });
});

test('a start that takes its memory from a file is waited for as long as that may take, to the end', async () => {
  const request: Request = { id: 'ours', action: 'start' };
  const view = { name: 'Db', owner: 'node1', error: null, request, settledRequest: null };
  const left = [
    { ...view, state: 'saved', saved: { savedAt: '', sizeBytes: 1 } },
    { ...view, state: 'starting', saved: null },
    { ...view, state: 'running', saved: null, settledRequest: 'ours' },
  ];
  let nowMs = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  const call = async (route: { readonly method: string }) => {
    if (route.method === 'POST') return { requestId: 'ours' };
    nowMs += 100_000;
    return left.shift();
  };
  try {
    expect(await changePower({ call } as unknown as Cluster, 'Db', 'start')).toMatchObject({ state: 'running' });
  } finally {
    clock.mockRestore();
  }
});
