import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { labCut, labFreeze, labMend, labThaw } from '../../src/lab/lab.ts';
import { type FailoverLab, PATIENCE_MS, shareLab } from './failover-lab.ts';
import { type LabCluster, until, VM } from './lab-cluster.ts';

const LAB = 'faults';
const OUTAGE_MS = 60_000;
/** Well below the 2 s after which the watchdog of a lab resets a node. */
const SHORT_HANG_MS = 700;

let cluster: FailoverLab;
let lab: LabCluster;

shareLab(LAB, { nodes: 3, vms: [VM] }, (made) => {
  cluster = made;
  ({ lab } = made);
});

describe('guests do not notice', () => {
  test('that all members of the store are killed, again and again for a minute', async () => {
    const [boots, said] = [await cluster.bootsOf(), guardLogs()];
    const endAt = Date.now() + OUTAGE_MS;
    let killed = 0;
    for (; Date.now() < endAt; await sleep(100)) {
      for (const machine of [...lab.nodeNames, 'witness']) {
        killed += lab.pids(machine, 'etcd').length;
        lab.kill(machine, 'etcd');
      }
    }
    expect(killed, 'their agents start them again').toBeGreaterThan(3);
    await cluster.healthy();
    expect(await cluster.bootsOf()).toEqual(boots);
    expect(guardLogs(), 'nobody was frozen').toEqual(said);
  });

  test('that their node hangs for a moment, and is not reset', async () => {
    const owner = await lab.ownerOf();
    const [boots, processes] = [await cluster.bootsOf(), await cluster.firstProcesses()];
    await labFreeze(LAB, owner);
    await sleep(SHORT_HANG_MS);
    await labThaw(LAB, owner);
    await cluster.healthy();
    expect(await cluster.bootsOf()).toEqual(boots);
    expect(await cluster.firstProcesses()).toEqual(processes);
    expect(await lab.ownerOf()).toBe(owner);
  });
});

describe('a node that is cut in one direction', () => {
  test.each([
    ['hears nothing, and is heard', 'in'],
    ['is not heard, and hears', 'out'],
  ] as const)('%s: its copy stands still while another one runs, and never runs again', async (_what, direction) => {
    const owner = await lab.ownerOf();
    const since = new Date();
    lab.askAt(await cluster.otherThan(owner));
    await labCut(LAB, owner, { direction });
    try {
      await cluster.recovered(VM, owner);
      expect(await cluster.vmsStandStill(owner)).toBe(true);
    } finally {
      await labMend(LAB, owner);
    }
    await until('its copy is ended', () => lab.pids(owner, 'qemu').length === 0, PATIENCE_MS);
    await cluster.healthy();
    expect(await lab.ownerOf()).not.toBe(owner);
    await cluster.expectStory(since, [`node-fenced ${owner}`, `vm-recovered ${VM}`, `node-rejoined ${owner}`]);
  });
});

function guardLogs(): readonly string[] {
  return lab.nodeNames.map((node) => cluster.guardLog(node));
}
