/** The guest that Godwit moves, through the API as any user would. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../src/client/client.ts';
import { getMigration, migrateVm } from '../src/contract/migrations.ts';
import { createVm, deleteVm, getVm, listVms, startVm, turnOffVm, type VmView } from '../src/contract/vms.ts';
import type { Receipt } from '../src/migration/receipt.ts';
import type { Figures } from './bench-plan.ts';
import { nowMs } from './client/figures.ts';

const NAME = 'WebServer';
const START_TIMEOUT_MS = 60_000;
const MIGRATION_TIMEOUT_MS = 120_000;
const COMPLETE_TIMEOUT_MS = 3000;

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

export interface MigrationWishes {
  readonly encrypted: boolean;
  /** In milliseconds; null: the VM's own. */
  readonly budgetMs: number | null;
}

/** To the node on which it is not. */
export async function migrateGodwitVm(client: Client, { encrypted, budgetMs }: MigrationWishes): Promise<Figures> {
  const before = await client.call(getVm, { params: { name: NAME } });
  const to = before.owner === 'node1' ? 'node2' : 'node1';
  const calledAtMs = nowMs();
  const body = { to, encrypted, ...(budgetMs === null ? {} : { budgetMs }) };
  const started = await client.call(migrateVm, { params: { name: NAME }, body });
  if (started.dryRun) throw new Error('A dry run was answered where none was asked for.');
  const ended = async () => {
    const view = await client.call(getMigration, { params: { id: started.migrationId } });
    return view.state === 'ended' ? view.receipt : undefined;
  };
  const first = await until(MIGRATION_TIMEOUT_MS, 'the migration ends', ended);
  // The source clears up after the receipt; that belongs to this migration, not to the next measurement.
  const after = await until(START_TIMEOUT_MS, `${NAME} is at rest`, async () => {
    const vm = await client.call(getVm, { params: { name: NAME } });
    return vm.migration === null && vm.state === 'running' ? vm : undefined;
  });
  return { ...figuresOf(await completed(first, ended), calledAtMs), ownerAfter: after.owner };
}

/** The figures of the network come a moment after the rest; a receipt that stays without them is still one. */
async function completed(receipt: Receipt, ask: () => Promise<Receipt | undefined>): Promise<Receipt> {
  const giveUpAt = Date.now() + COMPLETE_TIMEOUT_MS;
  let newest = receipt;
  while (!newest.complete && Date.now() < giveUpAt) {
    await sleep(250);
    newest = (await ask()) ?? newest;
  }
  return newest;
}

function figuresOf(receipt: Receipt, calledAtMs: number): Omit<Figures, 'ownerAfter'> {
  const { source, destination, outcome, reason, blackoutMs, totalMs, phases } = receipt;
  const startOf = (name: string) => {
    const phase = phases.find((candidate) => candidate.name === name);
    return phase === undefined ? null : Date.parse(phase.startedAt);
  };
  const firstRoundAtMs = startOf('iterative-pre-copy');
  const isCompleted = outcome === 'completed';
  const stoppedAtMs = isCompleted ? startOf('stop-and-copy') : null;
  const resumedAtMs = stoppedAtMs === null || blackoutMs === null ? null : stoppedAtMs + blackoutMs;
  const known = isCompleted && firstRoundAtMs !== null;
  return {
    ...{ source, destination, calledAtMs, stoppedAtMs, resumedAtMs, totalMs, details: receipt },
    failure: isCompleted ? null : `${outcome}: ${reason ?? 'no reason given'}`,
    transferMs: known ? Date.parse(receipt.startedAt) + totalMs - firstRoundAtMs : null,
    transferToResumeMs: known && resumedAtMs !== null ? resumedAtMs - firstRoundAtMs : null,
    blackoutMs: isCompleted ? blackoutMs : null,
    callToFirstRoundMs: firstRoundAtMs === null ? null : firstRoundAtMs - calledAtMs,
    rounds: receipt.rounds.at(-1)?.round ?? null,
    transferredBytes: receipt.transferredBytes,
    firstRoundBytesPerSecond: receipt.rounds[0]?.bandwidthBytesPerSecond ?? null,
    forecastTotalMs: receipt.forecast.totalMs,
    budgetMs: receipt.budgetMs,
    budgetUsedMs: receipt.budgetUsedMs,
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
