import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, startApiCluster } from '../../test/doubles/api-cluster.ts';
import { recordOutput } from '../../test/doubles/cli-samples.ts';
import { testHeartbeat, vmEntries } from '../../test/doubles/cluster-facts.ts';
import { createClient } from '../client/client.ts';
import type { Route } from '../contract/route.ts';
import type { ClusterEvent } from '../model/events.ts';
import { GodwitError } from '../model/errors.ts';
import { eventKey, keys } from '../model/keys.ts';
import { MEBIBYTE } from '../model/units.ts';
import type { VmRecord } from '../model/vm.ts';
import type { Cluster } from './cluster.ts';
import { clusterStatus } from './cluster-status.ts';
import type { Context } from './context.ts';
import { events } from './events.ts';
import { haArm } from './ha-arm.ts';
import { haDisarm } from './ha-disarm.ts';
import { haStatus } from './ha-status.ts';
import { nodeCancelDrain } from './node-cancel-drain.ts';
import { nodeConfirmDead } from './node-confirm-dead.ts';
import { nodeDrain } from './node-drain.ts';
import { nodeFencing } from './node-fencing.ts';
import { nodePause } from './node-pause.ts';
import { nodeResume } from './node-resume.ts';
import { vmDiscard, vmPower } from './vm-power.ts';
import { vmSet } from './vm-set.ts';
import { vmList } from './vm-list.ts';
import { vmShow } from './vm-show.ts';

let cluster: ApiCluster;
/** Thrown by the next requests instead of an answer, one each. */
let failures: Error[];
beforeEach(async () => {
  cluster = await startApiCluster();
  failures = [];
  await cluster.put(vmEntries('WebServer', 'running'));
});
afterEach(() => cluster.close());

/** What a command says when it talks to the API of the cluster in memory. */
async function say(work: (context: Context) => Promise<unknown>, json = false): Promise<string> {
  const output = recordOutput();
  const client = createClient({
    request: async ({ method, path, body }) => {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      return await cluster.ask(method as Route['method'], path.replace('/api/v1', ''), body as object | undefined);
    },
    openLive: () => ({ close() {} }),
  });
  const opened = { call: client.call } as unknown as Cluster;
  await work({ json, output, openCluster: () => Promise.resolve(opened) });
  return output.texts.join('') + output.errors.join('\n');
}

const asJson = async (work: (context: Context) => Promise<unknown>) => JSON.parse(await say(work, true)) as unknown;

describe('node', () => {
  test('pause, resume, drain and cancel-drain say how the node is then', async () => {
    expect(await say((context) => nodePause(context, 'node1'))).toBe(
      'node1 is paused. It was paused by admin: it keeps its VMs and gets no others.\n',
    );
    expect(await asJson((context) => nodeResume(context, 'node1', {}))).toMatchObject({ name: 'node1', state: 'up' });
    expect(await say((context) => nodeDrain(context, 'node1', { wait: true, dryRun: true }))).toMatch(
      /1 +WebServer +node2 +live migration/,
    );
    expect(await say((context) => nodeDrain(context, 'node1', { wait: false }))).toContain('node show node1');
    expect(await say((context) => nodeCancelDrain(context, 'node1'))).toMatch(/WebServer stay on it.*resume node1/s);
    await cluster.put({ [keys.vmOwner('WebServer')]: { node: 'node2' } });
    expect(await say((context) => nodeResume(context, 'node1', { failback: true }))).toContain('come back: WebServer');
  });

  test('confirm-dead says what happens next, and passes on a refusal', async () => {
    const confirm = (context: Context) => nodeConfirmDead(context, 'node1', { confirm: 'node1' });
    await expect(say(confirm)).rejects.toMatchObject({ code: 'NODE_STATE_UNSUITABLE' });
    cluster.clock.advance(10_000);
    expect(await say(confirm)).toMatch(/^node1 is fenced\..*events --follow/);
  });

  test('fencing is set with a password from a file, shown without it, tested and removed', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'godwit-cli-'));
    writeFileSync(join(directory, 'password'), 'hunter2\n');
    const option = { ip: '10.0.0.1', password: `@${join(directory, 'password')}` };
    await say((context) => nodeFencing(context, 'node1', { agent: 'fence_ipmilan', option }));
    rmSync(directory, { recursive: true });
    expect(cluster.store.value(keys.nodeFencing('node1'))).toMatchObject({ options: { password: 'hunter2' } });
    expect(await asJson((context) => nodeFencing(context, 'node1', {}))).toEqual({
      node: 'node1',
      powerFencing: { agent: 'fence_ipmilan', options: { ip: '10.0.0.1', password: '***' } },
    });
    expect(await asJson((context) => nodeFencing(context, 'node1', { test: true }))).toMatchObject({ state: 'on' });
    expect(await asJson((context) => nodeFencing(context, 'node1', { remove: true }))).toMatchObject({
      powerFencing: null,
    });
    await expect(say((context) => nodeFencing(context, 'node1', { option }))).rejects.toThrow('needs --agent');
  });
});

describe('ha', () => {
  test('a disarmed cluster reminds of it, with who, when and why', async () => {
    expect(await say(haStatus)).toBe('The cluster is armed\n');
    await say((context) => haDisarm(context, 'new switches'));
    expect(await say(haStatus)).toMatch(/DISARMED by admin .*: new switches\nArm it again/);
    expect(await say(clusterStatus)).toMatch(/availability +DISARMED by admin .*: new switches/);
    expect(await asJson(haArm)).toMatchObject({ armed: true });
  });
});

describe('cluster status', () => {
  test('says what keeps failover from being automatic, and how each node is fenced', async () => {
    const text = await say(clusterStatus);
    expect(text).toMatch(/failover +not automatic for every node/);
    expect(text).toMatch(/! node1, node2 have no armed watchdog/);
    expect(text).toMatch(/survival +There is room for the VMs of any one node, but they are not brought back/);
    expect(text).toMatch(/node1 +held +none +on proof/);
    const guard = { watchdogMs: 2000, latencyMaxMs: 3, frozen: false };
    const guarded = { ...testHeartbeat(2), guard, voters: ['node2', 'witness'], votesNeeded: 2, takeoverMs: 7500 };
    await cluster.put({ [keys.nodeHeartbeat('node1')]: guarded, [keys.nodeHeartbeat('node2')]: guarded });
    const automatic = await say(clusterStatus);
    expect(automatic).toMatch(/failover +automatic\n[^]*node1 +held +2\.00 s +7\.50 s +2 of 2/);
    expect(automatic).toMatch(/survival +The cluster survives the loss of any one node\./);
  });
});

describe('vm', () => {
  test('set changes and says the settings; without any it is refused', async () => {
    const text = await say((context) => vmSet(context, 'WebServer', { priority: 'high', preferredOwner: ['node2'] }));
    expect(text).toMatch(/^WebServer: highly available;.*priority high; prefers node2; may be on any node/);
    await expect(say((context) => vmSet(context, 'WebServer', {}))).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('set and show say to what the budget may be widened', async () => {
    const shown = () => say((context) => vmShow(context, 'WebServer'));
    expect(await shown()).toMatch(/budget +50 ms, never widened\n/);
    const text = await say((context) => vmSet(context, 'WebServer', { budget: 30, budgetMax: 200 }));
    expect(text).toContain('budget 30 ms, up to 200 ms if the guest does not converge otherwise');
    expect(await shown()).toMatch(/budget +30 ms, up to 200 ms if the guest does not converge otherwise\n/);
    expect(await asJson((context) => vmShow(context, 'WebServer'))).toMatchObject({ budgetMs: 30, budgetMaxMs: 200 });
    expect(await say((context) => vmSet(context, 'WebServer', { budgetMax: 'none' }))).toContain('never widened');
  });

  test('show says why it does not run, what is in its way, and what happened', async () => {
    await cluster.put(eventOf('E01', { vm: 'WebServer', text: 'WebServer waits.', reason: 'No node has room.' }));
    cluster.clock.advance(10_000);
    const text = await say((context) => vmShow(context, 'WebServer'));
    expect(text).toMatch(/WHY\n +Its owner, node1, is down\.[^]*IN ITS WAY\n +node2/);
    expect(text).toMatch(/LAST EVENTS\n.*WebServer waits\. No node has room\./);
    expect(await asJson((context) => vmShow(context, 'WebServer'))).toMatchObject({
      ...{ name: 'WebServer', state: 'running', owner: 'node1', highlyAvailable: true },
      explanation: { events: [{ text: 'WebServer waits.' }] },
    });
  });
});

describe('a saved VM', () => {
  const saved = {
    path: '/a.memory',
    sizeBytes: 300 * MEBIBYTE,
    definitionHash: 'h',
    savedAt: '2026-01-01T00:00:00.000Z',
  };
  beforeEach(async () => {
    const entries = vmEntries('WebServer', 'saved');
    const record = entries[keys.vmRecord('WebServer')] as VmRecord;
    await cluster.put({ ...entries, [keys.vmRecord('WebServer')]: { ...record, saved } });
  });

  test('is listed so, and shown with the size of its memory and since when it has been saved', async () => {
    expect(await say(vmList)).toMatch(/WebServer +saved/);
    const shown = await say((context) => vmShow(context, 'WebServer'));
    expect(shown).toMatch(/state +saved/);
    expect(shown).toMatch(/saved memory +300 MiB, saved .+ ago; its next start goes on from there\n/);
    expect(await asJson((context) => vmShow(context, 'WebServer'))).toMatchObject({
      ...{ state: 'saved', saved: { sizeBytes: saved.sizeBytes, savedAt: saved.savedAt } },
    });
  });

  test('is off once its memory is discarded; without any that is refused', async () => {
    expect(await say((context) => vmDiscard(context, 'WebServer'))).toBe(
      'The saved memory of WebServer is deleted. WebServer is off.\n',
    );
    await expect(say((context) => vmDiscard(context, 'WebServer'))).rejects.toMatchObject({
      message: 'WebServer has no saved memory.',
    });
  });

  test('was asked to be', async () => {
    await cluster.put(vmEntries('WebServer', 'running'));
    expect(await say((context) => vmPower(context, 'WebServer', { action: 'save', wait: false }))).toBe(
      'WebServer: the request is taken.\n',
    );
    expect(cluster.store.value(keys.vmRecord('WebServer'))).toMatchObject({ request: { action: 'save' } });
  });
});

function eventOf(id: string, more: Partial<ClusterEvent> = {}): Record<string, ClusterEvent> {
  const base = { id, at: '2026-01-01T00:00:00.000Z', by: 'node1', kind: 'vm-waits', critical: false } as const;
  return { [eventKey(id)]: { ...base, node: null, vm: null, text: `event ${id}.`, reason: '', ...more } };
}

describe('events', () => {
  test('are printed oldest first, critical ones marked; with --json as one array', async () => {
    await cluster.put({ ...eventOf('E02', { critical: true }), ...eventOf('E01') });
    expect(await say((context) => events(context, { limit: 10 }))).toBe(
      '2026-01-01 00:00:00 UTC   event E01.\n2026-01-01 00:00:00 UTC ! event E02.\n',
    );
    expect(await asJson((context) => events(context, { limit: 10, critical: true }))).toMatchObject([{ id: 'E02' }]);
    expect(await say((context) => events(context, { limit: 10, vm: 'Nobody' }))).toBe('There is no such event.\n');
  });

  test('are followed over a silence, each once, as one JSON object per line', async () => {
    await cluster.put(eventOf('E01'));
    const silent = new GodwitError({ code: 'CLUSTER_UNREACHABLE', message: 'No answer.', state: '', nextStep: '' });
    const output: string[] = [];
    const following = say(async (context) => {
      const print = (text: string) => void output.push(text);
      await events({ ...context, output: { ...context.output, print } }, { limit: 10, follow: true });
    }, true);
    await expect.poll(() => output.length).toBe(1);
    failures.push(silent);
    await cluster.put(eventOf('E02'));
    await expect.poll(() => output.length, { timeout: 5000 }).toBe(2);
    failures.push(new Error('the end of this test'));
    await expect(following).rejects.toThrow('the end of this test');
    expect(output.map((line) => (JSON.parse(line) as ClusterEvent).id)).toEqual(['E01', 'E02']);
  });
});
