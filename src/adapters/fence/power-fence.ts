import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeFencing } from '../../model/authority.ts';
import { isFenceAgentName, isSecretOption, whyNotOption } from '../../model/fencing-options.ts';
import type { PowerFence, PowerState } from '../../ports/fence.ts';
import { type FenceAgentEnd, runFenceAgent } from './run-fence-agent.ts';

/** Where Debian puts fence agents. */
const AGENT_DIRECTORIES = ['/usr/sbin', '/usr/bin', '/usr/local/sbin'];
const POLL_MS = 500;

interface Answer {
  readonly state: PowerState;
  readonly reason: string;
}

/** `directories`: where fence agents are looked for. */
export function createPowerFence(directories: readonly string[] = AGENT_DIRECTORIES): PowerFence {
  return {
    powerOff: (_node, device, deadlineMs) => switchPower({ device, directories, deadlineMs }, 'off'),
    powerOn: (_node, device, deadlineMs) => switchPower({ device, directories, deadlineMs }, 'on'),
    status: (_node, device, deadlineMs) => askStatus({ device, directories, deadlineMs }),
  };
}

interface Task {
  readonly device: NodeFencing;
  readonly directories: readonly string[];
  readonly deadlineMs: number;
}

/**
 * What the agent says of its own success is not believed: only what the controller answers when it is asked afterwards counts. Never a
 * reboot or a power cycle, which would say "off" of a machine that is on again.
 */
async function switchPower(task: Task, wanted: 'on' | 'off'): Promise<Answer> {
  const endsAt = performance.now() + task.deadlineMs;
  const left = () => Math.max(0, endsAt - performance.now());
  const first = await run(task, wanted, left());
  const failure = first.kind === 'ended' && first.exitCode === 0 ? null : describeEnd(task, first);
  let answer: Answer = { state: 'unknown', reason: failure ?? 'The deadline passed before the controller was asked.' };
  while (left() > 0) {
    answer = await askStatus({ ...task, deadlineMs: left() });
    if (answer.state === wanted) return answer;
    if (left() > POLL_MS) await sleep(POLL_MS);
    else break;
  }
  return failure === null ? answer : { ...answer, reason: failure };
}

/** 2 is "off" in the FenceAgentAPI, but also how interpreters end that could not even begin; so it has to be said in words too. */
async function askStatus(task: Task): Promise<Answer> {
  const end = await run(task, 'status', task.deadlineMs);
  if (end.kind === 'ended') {
    const said = /^status:\s*(on|off)\s*$/im.exec(end.output)?.[1]?.toLowerCase();
    if (end.exitCode === 0 && said !== 'off')
      return { state: 'on', reason: 'The controller says that the power is on.' };
    if (end.exitCode === 2 && said === 'off')
      return { state: 'off', reason: 'The controller says that the power is off.' };
  }
  return { state: 'unknown', reason: describeEnd(task, end) };
}

async function run(task: Task, action: 'on' | 'off' | 'status', deadlineMs: number): Promise<FenceAgentEnd> {
  const { agent } = task.device;
  if (!isFenceAgentName(agent))
    return { kind: 'not-started', complaint: `"${agent}" is not the name of a fence agent` };
  const options = Object.fromEntries(
    Object.entries(task.device.options).filter(([name, value]) => whyNotOption(name, value) === null),
  );
  const command = task.directories.map((directory) => join(directory, agent)).find((path) => existsSync(path));
  if (command === undefined) return { kind: 'not-started', complaint: `${agent} is not installed on this node` };
  return await runFenceAgent({ command, options, action, deadlineMs });
}

const REASON_MAX = 300;

/** The agent's own words, without anything secret in them. */
function describeEnd({ device }: Task, end: FenceAgentEnd): string {
  if (end.kind === 'out-of-time') return `${device.agent} did not answer in time and was ended.`;
  if (end.kind === 'not-started') return `${end.complaint}.`;
  const words = `${end.complaint}\n${end.output}`.split('\n').map((line) => line.trim());
  const last = words.findLast((line) => line !== '' && !line.startsWith('Traceback')) ?? 'it says nothing';
  return withoutSecrets(`${device.agent} ended with status ${end.exitCode ?? 'none (killed)'}: ${last}`, device).slice(
    0,
    REASON_MAX,
  );
}

function withoutSecrets(text: string, { options }: NodeFencing): string {
  let clean = text;
  for (const [name, value] of Object.entries(options)) {
    if (isSecretOption(name) && value !== '') clean = clean.replaceAll(value, '***');
  }
  return clean;
}
