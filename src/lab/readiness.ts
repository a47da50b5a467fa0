/** Waits until the cluster of a lab is complete. */
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { GodwitError } from '../model/errors.ts';
import type { Machine } from './lab-plan.ts';
import { API_PORT, gatewayAddress, seatCount } from './lab-plan.ts';
import type { LabState } from './lab-state.ts';
import { labPaths } from './lab-state.ts';
import { lastLines } from './machines.ts';

const READY_WITHIN_MS = 60_000;
const ASK_EVERY_MS = 100;

/**
 * Every agent with an API says that it is healthy, every member is up, and the store has all its seats: only then does the cluster survive
 * the loss of a machine. Throws LAB_FAILED with the agent's last words.
 */
export async function waitForAgents(state: LabState, progress: (line: string) => void): Promise<void> {
  const { plan } = state;
  const until = Date.now() + READY_WITHIN_MS;
  const certificate = await readFile(labPaths.caCertificate(plan.name), 'utf8');
  const members = plan.machines.filter((machine) => machine.kind === 'node' || machine.kind === 'witness');
  const nodes = members.filter((machine) => machine.kind === 'node');
  // A failure of one ends the wait for the others too: they could only say the same later.
  const abort = new AbortController();
  const waiting: Waiting = { until, certificate, signal: abort.signal };
  const first = nodes[0]?.name ?? '';
  try {
    await Promise.all([
      ...nodes.map(async (machine) => {
        await waitFor(state, machine.name, { ...waiting, ask: () => askHealth(plan, machine, certificate) });
        progress(`${machine.name} is up`);
      }),
      waitFor(state, first, { ...waiting, ask: () => askMembers(state, members, certificate) }).then(() =>
        waitFor(state, first, { ...waiting, ask: () => askSeats(state, certificate) }),
      ),
    ]);
  } finally {
    abort.abort();
  }
  progress(`the database has ${seatCount(plan) === 1 ? '1 member' : `${seatCount(plan)} members`}`);
}

interface Waiting {
  readonly until: number;
  readonly certificate: string;
  readonly signal: AbortSignal;
}

async function waitFor(
  state: LabState,
  machine: string,
  { until, signal, ask }: Waiting & { readonly ask: () => Promise<string> },
): Promise<void> {
  let answer = 'nothing listened';
  while (Date.now() < until) {
    if (signal.aborted) return;
    answer = await ask();
    if (answer === 'ready') return;
    await sleep(ASK_EVERY_MS);
  }
  const log = labPaths.agentLog(state.plan.name, machine);
  throw new GodwitError({
    code: 'LAB_FAILED',
    message: `${machine} was not ready within ${READY_WITHIN_MS / 1000} s (${answer}). The log of its agent ends: ${(await lastLines(log, 5)) || '(empty)'}`,
    state: 'The lab did not come up.',
    nextStep: `Look at what the log says; \`godwit lab up --keep\` leaves a lab that failed for inspection (${log}).`,
  });
}

async function askHealth(plan: LabState['plan'], machine: Machine, certificate: string): Promise<string> {
  const answer = await get({ address: gatewayAddress(plan, machine.name) ?? '', path: 'health', certificate });
  return typeof answer === 'string'
    ? answer
    : answer.status === 200
      ? 'ready'
      : `it answers with status ${answer.status}`;
}

async function askMembers(state: LabState, members: readonly Machine[], certificate: string): Promise<string> {
  const answer = await askFirst(state, { path: 'nodes', certificate });
  if (typeof answer === 'string') return answer;
  const known = answer.body as readonly { readonly name: string; readonly state: string }[];
  const missing = members.filter(({ name }) => !known.some((node) => node.name === name && node.state === 'up'));
  return missing.length === 0 ? 'ready' : `${missing.map(({ name }) => name).join(', ')} not up`;
}

async function askSeats(state: LabState, certificate: string): Promise<string> {
  const answer = await askFirst(state, { path: 'cluster', certificate });
  if (typeof answer === 'string') return answer;
  const { quorum } = answer.body as { readonly quorum: { readonly total: number; readonly healthy: number } };
  const wanted = seatCount(state.plan);
  return quorum.total === wanted && quorum.healthy === wanted
    ? 'ready'
    : `the database has ${quorum.healthy} healthy of ${quorum.total} members, ${wanted} are expected`;
}

interface Question {
  readonly path: string;
  readonly certificate: string;
}

async function askFirst(state: LabState, question: Question): Promise<Answer | string> {
  const address = gatewayAddress(state.plan, 'node1') ?? '';
  const answer = await get({ ...question, address, auth: `${state.user}:${state.password}` });
  return typeof answer === 'string' || answer.status === 200 ? answer : `it answers with status ${answer.status}`;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** The answer, or in words why there is none. */
function get({
  address,
  path,
  certificate,
  auth,
}: Question & { address: string; auth?: string }): Promise<Answer | string> {
  return new Promise((resolve) => {
    const options = {
      ...{
        host: address,
        port: API_PORT,
        path: `/api/v1/${path}`,
        ca: certificate,
        agent: false as const,
        timeout: 5000,
      },
      ...(auth !== undefined && { auth }),
    };
    const call = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('error', (error) => resolve(error.message));
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, body: text === '' ? null : JSON.parse(text) }),
      );
    });
    call.once('timeout', () => call.destroy(new Error('no answer within 5 s')));
    call.once('error', (error) => resolve(error.message));
    call.end();
  });
}
