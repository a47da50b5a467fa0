import type { NodeView } from '../contract/cluster.ts';
import type { LoadSample, NodeLoad } from '../contract/load.ts';
import type { DrainPlan, NodeDetail } from '../contract/nodes.ts';
import { formatBytes, formatMs } from '../model/units.ts';
import { eventLines } from './event-text.ts';
import type { Look, Style } from './look.ts';
import { renderFacts, renderTable } from './table.ts';
import { ago } from './times.ts';

const STATE_STYLES: Readonly<Record<NodeView['state'], Style>> = {
  up: 'green',
  paused: 'yellow',
  draining: 'yellow',
  isolated: 'red',
  down: 'red',
  fenced: 'red',
  quarantined: 'red',
};

export function nodeStateText(state: NodeView['state'], look: Look): string {
  return look.paint(STATE_STYLES[state], state);
}

/** "node1 is paused: it keeps its VMs and gets no others." */
export function nodeSentence(node: NodeDetail): string {
  return `${node.name} is ${node.state}. ${node.reason}`;
}

/** With what it does just now where that is known. */
type NodeWithLoad = NodeDetail & { readonly load?: NodeLoad | null };

export function renderNode(node: NodeWithLoad, look: Look, nowMs: number): string {
  const facts: (readonly [string, string])[] = [
    ['name', node.name],
    ['role', node.role],
    ['state', nodeStateText(node.state, look)],
    ['reason', node.reason],
    ['addresses', node.addresses.join(', ')],
    ['agent', `godwit ${node.agentVersion}, started ${ago(node.agentStartedAt, nowMs)}`],
  ];
  if (node.role === 'node') facts.push(...vmNodeFacts(node, nowMs));
  const events =
    node.events.length === 0 ? '' : `\n\n${look.paint('bold', 'LAST EVENTS')}\n${eventLines(node.events, look)}`;
  return `${renderFacts(facts, look)}${events}`;
}

function vmNodeFacts(node: NodeWithLoad, nowMs: number): (readonly [string, string])[] {
  const { memory, membership, service, quarantinedUntil } = node;
  const facts: (readonly [string, string])[] = [
    ['memory', `${formatBytes(memory.freeBytes)} of ${formatBytes(memory.capacityBytes)} free`],
    ['CPUs', String(node.cpus)],
    ['load', loadText(node.load?.samples.at(-1))],
    ['QEMU', node.qemuVersion === null ? '–' : `${node.qemuVersion} ${node.accelerator ?? ''}`.trim()],
    ['VMs', node.vms.join(', ') || '–'],
    ['switches', node.switches.join(', ') || '–'],
    ['volumes', node.volumes.map(({ name, path }) => `${name} (${path})`).join(', ') || '–'],
    ['migrations', migrationText(node)],
    ['watchdog', watchdogText(node)],
    ['takeover', takeoverText(node)],
    ['power fencing', powerText(node)],
  ];
  if (membership?.evidence != null) facts.push(['fenced', `${ago(membership.since, nowMs)}: ${membership.evidence}`]);
  if (service.drain !== null) facts.push(['drain', service.drain.text]);
  for (const failure of service.drain?.failures ?? []) {
    facts.push(['', `${failure.vm} failed to move ${failure.tries} times: ${failure.reason}`]);
  }
  if (quarantinedUntil !== null) facts.push(['quarantined', `until ${quarantinedUntil}`]);
  return facts;
}

function loadText(sample: LoadSample | undefined): string {
  if (sample === undefined) return 'not known';
  const { cpuPercent, memoryUsedBytes, memoryTotalBytes, receivedBytesPerSecond, sentBytesPerSecond } = sample;
  return (
    `CPU ${cpuPercent} %, memory ${formatBytes(memoryUsedBytes)} of ${formatBytes(memoryTotalBytes)}, ` +
    `network ${formatBytes(receivedBytesPerSecond)}/s in and ${formatBytes(sentBytesPerSecond)}/s out`
  );
}

function migrationText({ migration: { address, network, bandwidthBytesPerSecond } }: NodeDetail): string {
  const limit = bandwidthBytesPerSecond === null ? '' : `, at most ${formatBytes(bandwidthBytesPerSecond)}/s each`;
  return `over ${network ?? 'the cluster network'} (${address})${limit}`;
}

function watchdogText({ guard }: NodeDetail): string {
  if (guard === null) return 'no guard';
  const granted = guard.watchdogMs === null ? 'guard without a watchdog' : `${formatMs(guard.watchdogMs)}, as granted`;
  return `${granted}; the guard was late by at most ${formatMs(guard.latencyMaxMs)}${guard.frozen ? '; the VMs stand still' : ''}`;
}

function takeoverText({ takeover }: NodeDetail): string {
  if (takeover === null) return '–';
  if (takeover.afterMs === null) return 'only once it is confirmed dead or its power is off';
  const votes = takeover.votes.length === 0 ? '' : `; voted: ${takeover.votes.join(', ')}`;
  return `after ${formatMs(takeover.afterMs)} of silence and ${takeover.votesNeeded} of ${takeover.voters.length} votes (${takeover.voters.join(', ')})${votes}`;
}

function powerText({ powerFencing }: NodeDetail): string {
  if (powerFencing === null) return 'not configured';
  const options = Object.entries(powerFencing.options).map(([key, value]) => `${key}=${value}`);
  return [powerFencing.agent, ...options].join(' ');
}

export function renderDrainPlan(plan: DrainPlan, look: Look): string {
  const parts: string[] = [];
  if (plan.moves.length > 0) {
    parts.push(
      renderTable(
        plan.moves.map((move, index) => ({ ...move, place: index + 1 })),
        [
          { title: '#', align: 'right', value: (move) => String(move.place) },
          { title: 'VM', value: (move) => move.vm },
          { title: 'TO', value: (move) => move.to },
          { title: 'HOW', value: (move) => (move.how === 'live' ? 'live migration' : 'off: changes its owner') },
          { title: 'MEMORY', align: 'right', value: (move) => formatBytes(move.memoryBytes) },
          {
            title: 'TAKES',
            align: 'right',
            value: (move) => (move.how === 'live' ? `~${formatMs(move.estimateMs)}` : '–'),
          },
        ],
        look,
      ),
    );
  }
  for (const { vm, reasons } of plan.blockers) {
    parts.push(
      [look.paint('red', `✘ ${vm} cannot leave ${plan.node}:`), ...reasons.map((reason) => `    • ${reason}`)].join(
        '\n',
      ),
    );
  }
  for (const { reasons } of plan.waiting) parts.push(reasons.map((reason) => `… ${reason}`).join('\n'));
  const sum =
    plan.moves.length === 0 && plan.blockers.length === 0 && plan.waiting.length === 0
      ? `No VM is on ${plan.node}.`
      : `${plan.moves.length} VMs would leave ${plan.node} in about ${formatMs(plan.estimateMs)} (${plan.basis}); ${plan.blockers.length} could not.`;
  return [...parts, sum].join('\n\n');
}
