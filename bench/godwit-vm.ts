/** The guest that Godwit moves, through the API as any user would. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../src/client/client.ts';
import { getMigration, migrateVm } from '../src/contract/migrations.ts';
import { createVm, deleteVm, getVm, listVms, startVm, turnOffVm, type VmView } from '../src/contract/vms.ts';
import type { Receipt } from '../src/migration/receipt.ts';
import type { Figures } from './raw-vm.ts';

const NAME = 'WebServer';
const START_TIMEOUT_MS = 60_000;
const MIGRATION_TIMEOUT_MS = 120_000;

export async function createGodwitVm(client: Client, memoryBytes: number): Promise<VmView> {
  await client.call(createVm, { body: { name: NAME, memoryBytes, image: 'lab' } });
  await client.call(startVm, { params: { name: NAME } });
  return until(START_TIMEOUT_MS, `${NAME} runs`, async () => {
    const vm = await client.call(getVm, { params: { name: NAME } });
    if (vm.error !== null) throw new Error(`${NAME} did not start: ${vm.error.message}`);
    return vm.state === 'running' ? vm : undefined;
  });
}

export async function deleteGodwitVm(client: Client): Promise<void> {
  await client.call(turnOffVm, { params: { name: NAME } });
  await until(START_TIMEOUT_MS, `${NAME} is off`, async () => {
    const vm = await client.call(getVm, { params: { name: NAME } });
    return vm.state === 'off' ? true : undefined;
  });
  await client.call(deleteVm, { params: { name: NAME }, query: { deleteDisks: true } });
  await until(START_TIMEOUT_MS, `${NAME} is deleted`, async () => {
    const vms = await client.call(listVms);
    return vms.length === 0 ? true : undefined;
  });
}

/** To the node on which it is not. */
export async function migrateGodwitVm(client: Client, encrypted: boolean): Promise<Figures> {
  const before = await client.call(getVm, { params: { name: NAME } });
  const to = before.owner === 'node1' ? 'node2' : 'node1';
  const calledAtMs = performance.timeOrigin + performance.now();
  const started = await client.call(migrateVm, { params: { name: NAME }, body: { to, encrypted } });
  if (started.dryRun) throw new Error('A dry run was answered where none was asked for.');
  const receipt = await until(MIGRATION_TIMEOUT_MS, 'the migration ends', async () => {
    const view = await client.call(getMigration, { params: { id: started.migrationId } });
    return view.state === 'ended' ? view.receipt : undefined;
  });
  // The source clears up after the receipt; that belongs to this migration, not to the next measurement.
  await until(START_TIMEOUT_MS, `${NAME} is at rest`, async () => {
    const { migration, state } = await client.call(getVm, { params: { name: NAME } });
    return migration === null && state === 'running' ? true : undefined;
  });
  return figuresOf(receipt, calledAtMs);
}

function figuresOf(receipt: Receipt, calledAtMs: number): Figures {
  const { source, destination, outcome, reason, blackoutMs, totalMs, phases } = receipt;
  const startOf = (name: string) => {
    const phase = phases.find((candidate) => candidate.name === name);
    return phase === undefined ? null : Date.parse(phase.startedAt);
  };
  const firstRoundAtMs = startOf('iterative-pre-copy');
  const stoppedAtMs = startOf('stop-and-copy');
  const completed = outcome === 'completed';
  const known = completed && firstRoundAtMs !== null;
  return {
    ...{ source, destination, details: receipt },
    failure: completed ? null : `${outcome}: ${reason ?? 'no reason given'}`,
    totalMs: completed ? totalMs : null,
    transferMs: known ? Date.parse(receipt.startedAt) + totalMs - firstRoundAtMs : null,
    transferToResumeMs:
      known && stoppedAtMs !== null && blackoutMs !== null ? stoppedAtMs + blackoutMs - firstRoundAtMs : null,
    blackoutMs: completed ? blackoutMs : null,
    callToFirstRoundMs: firstRoundAtMs === null ? null : firstRoundAtMs - calledAtMs,
    rounds: receipt.rounds.at(-1)?.round ?? null,
    transferredBytes: receipt.transferredBytes,
  };
}

/** Asks rarely: each question costs the agent a little of the CPU that the migration needs. */
async function until<T>(timeoutMs: number, what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const giveUpAt = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > giveUpAt) throw new Error(`Waited ${timeoutMs / 1000} s in vain until ${what}.`);
    await sleep(250);
  }
}
