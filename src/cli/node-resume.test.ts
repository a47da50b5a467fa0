import { expect, test } from 'vitest';
import { recordOutput } from '../../test/doubles/cli-samples.ts';
import { sampleNode } from '../../test/doubles/node-samples.ts';
import { getNode, type NodeDetail } from '../contract/nodes.ts';
import type { Cluster } from './cluster.ts';
import { nodeResume } from './node-resume.ts';

const UNTIL = '2026-11-23T12:00:00.000Z';

async function resumed(before: NodeDetail, after: NodeDetail): Promise<string> {
  const output = recordOutput();
  const call = async (route: unknown) => (route === getNode ? before : after);
  const openCluster = async () => ({ call }) as unknown as Cluster;
  expect(await nodeResume({ json: false, output, openCluster }, 'node1', {})).toBe(0);
  return output.texts.join('');
}

test('says that a quarantine is ended, and only then', async () => {
  expect(await resumed(sampleNode({ state: 'quarantined', quarantinedUntil: UNTIL }), sampleNode())).toContain(
    `Its quarantine until ${UNTIL} is ended. node1 is up.`,
  );
  expect(await resumed(sampleNode({ state: 'paused' }), sampleNode())).not.toContain('quarantine');
});

test('names the VMs that come back', async () => {
  const drain: NodeDetail['service']['drain'] = {
    ...{ id: 'd1', requestedAt: UNTIL, vms: ['WebServer', 'Away'], failures: [] },
    ...{ state: 'done', text: '', blockers: [] },
  } as never;
  const after = sampleNode({ service: { mode: 'active', since: null, by: 'admin', drain } });
  expect(await resumed(sampleNode({ state: 'paused' }), after)).toContain('These VMs come back: Away.');
});
