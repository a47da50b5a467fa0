import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONSOLE_CLOSE } from '../../src/contract/console.ts';
import { turnOffVm } from '../../src/contract/vms.ts';
import { ConsoleClient } from './console-client.ts';
import { LabCluster, until, VM } from './lab-cluster.ts';

// The consoles of a guest that moves, watched through the node that it never runs on.

let cluster: LabCluster;
let source: string;
let destination: string;
let third: string;

beforeAll(async () => {
  cluster = await LabCluster.up('console', 3);
  await cluster.createAndStart();
  source = await cluster.ownerOf();
  [destination = '', third = ''] = cluster.nodeNames.filter((name) => name !== source);
}, 120_000);

afterAll(() => cluster.down());

describe('the consoles of a guest', () => {
  test('survive its live migration, through a node that has no part in it', async () => {
    const [far, near] = [new ConsoleClient(cluster, third, 'serial'), new ConsoleClient(cluster, source, 'serial')];
    const screen = new ConsoleClient(cluster, third, 'vnc');
    await far.says('a guest of the Godwit lab');
    await far.answers(6, 7);
    await near.says('=42=');
    expect((await screen.openScreen()).name).toContain(VM);
    await screen.seesScreen();

    const id = await cluster.requestMigration(destination);
    await far.answers(12, 12);
    const receipt = await cluster.receipt(id, 60_000);
    expect(receipt?.outcome).toBe('completed');
    console.log('blackout with a screen that is looked at', receipt?.blackoutMs, 'ms');

    await far.answers(111, 111);
    await near.answers(222, 222);
    expect([far.code, near.code]).toEqual([null, null]);
    expect(far.text.split('=12321=')).toHaveLength(2);
    await until('the screen is said to have moved', () => screen.code !== null, 10_000);
    expect(screen.code).toBe(CONSOLE_CLOSE.moved);

    const again = new ConsoleClient(cluster, third, 'vnc');
    await again.openScreen();
    await again.seesScreen();
    const late = new ConsoleClient(cluster, source, 'serial');
    await late.says('=49284=');
    expect(late.text).toContain('=42=');

    const said = execFileSync(
      join(import.meta.dirname, '../../godwit'),
      ['vm', 'console', VM, '--no-backlog', '--lab', cluster.status.name],
      {
        input: 'echo =$((5*5))=\n',
        encoding: 'utf8',
      },
    );
    expect(said).toContain('=25=');

    await cluster.ask((client) => client.call(turnOffVm, { params: { name: VM } }));
    await until('all consoles have ended', () => [far, near, late, again].every(({ code }) => code !== null), 15_000);
    expect([far, near, late].map(({ code }) => code)).toEqual(Array(3).fill(CONSOLE_CLOSE.off));
    const refused = new ConsoleClient(cluster, third, 'vnc');
    await until('the screen is refused', () => refused.code !== null, 10_000);
    expect(refused.code).toBe(CONSOLE_CLOSE.off);
  });
});
