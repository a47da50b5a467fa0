/** Waits until the agents of a lab answer. */
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { GodwitError } from '../model/errors.ts';
import type { Machine } from './lab-plan.ts';
import { API_PORT, gatewayAddress, storeMembers } from './lab-plan.ts';
import type { LabState } from './lab-state.ts';
import { labPaths } from './lab-state.ts';
import { initPid, lastLines } from './machines.ts';

export const READY_WITHIN_MS = 60_000;
/** 2379 as /proc/net/tcp has it, and the state "listening". */
const STORE_LISTENS = /^\s*\d+: [0-9A-F]+:094B [0-9A-F]+:0000 0A /m;

/** Every agent with an API says that it is healthy; the witness's etcd listens. Throws LAB_FAILED with the agent's last words. */
export async function waitForAgents(state: LabState, progress: (line: string) => void): Promise<void> {
  const until = Date.now() + READY_WITHIN_MS;
  const certificate = await readFile(labPaths.caCertificate(state.plan.name), 'utf8');
  const agents = state.plan.machines.filter((machine) => machine.kind === 'node' || machine.kind === 'witness');
  // A failure of one ends the wait for the others too: they could only say the same later.
  const abort = new AbortController();
  try {
    await Promise.all(
      agents.map(async (machine) => {
        await waitForAgent(state, machine, { until, certificate, signal: abort.signal });
        progress(`${machine.name} is up`);
      }),
    );
  } finally {
    abort.abort();
  }
}

interface Waiting {
  readonly until: number;
  readonly certificate: string;
  readonly signal: AbortSignal;
}

async function waitForAgent(state: LabState, machine: Machine, waiting: Waiting): Promise<void> {
  let answer = 'nothing listened';
  while (Date.now() < waiting.until) {
    if (waiting.signal.aborted) return;
    answer = await ask(state, machine, waiting.certificate);
    if (answer === 'ready') return;
    await sleep(200);
  }
  const log = labPaths.agentLog(state.plan.name, machine.name);
  throw new GodwitError({
    code: 'LAB_FAILED',
    message: `The agent of ${machine.name} was not ready within ${READY_WITHIN_MS / 1000} s (${answer}). Its log ends: ${(await lastLines(log, 5)) || '(empty)'}`,
    state: 'The lab did not come up.',
    nextStep: `Look at what the log says; \`godwit lab up --keep\` leaves a lab that failed for inspection (${log}).`,
  });
}

async function ask(state: LabState, machine: Machine, certificate: string): Promise<string> {
  const { plan } = state;
  const address = gatewayAddress(plan, machine.name);
  if (address !== undefined) return askHealth(address, certificate);
  // The witness is on the cluster network only, which nothing here reaches: its own list of sockets tells.
  if (!storeMembers(plan).some((member) => member.name === machine.name)) return 'ready';
  const init = await initPid(plan.name, machine.name);
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((table) => readFile(`/proc/${init}/net/${table}`, 'utf8').catch(() => '')),
  );
  return tables.some((table) => STORE_LISTENS.test(table)) ? 'ready' : 'etcd does not listen';
}

function askHealth(address: string, certificate: string): Promise<string> {
  return new Promise((resolve) => {
    const options = {
      host: address,
      port: API_PORT,
      path: '/api/v1/health',
      ca: certificate,
      agent: false as const,
      timeout: 5000,
    };
    const call = request(options, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? 'ready' : `it answers with status ${response.statusCode}`);
    });
    call.once('timeout', () => call.destroy(new Error('no answer within 5 s')));
    call.once('error', (error) => resolve(error.message));
    call.end();
  });
}
