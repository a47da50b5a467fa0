import { setTimeout as sleep } from 'node:timers/promises';
import { drainNode, getNode, type NodeDetail, previewDrain } from '../contract/nodes.ts';
import { ERROR_CODES, GodwitError } from '../model/errors.ts';
import type { Cluster } from './cluster.ts';
import { type Context, EXIT_DONE, EXIT_INTERRUPTED, type ExitStatus, report } from './context.ts';
import { renderDrainPlan } from './node-text.ts';

const POLL_MS = 500;
/** A drain that reports itself blocked may only be between two tries: it has to stay so for this long. */
const BLOCKED_FOR_MS = 3000;
/** With no answer from any node for this long the command gives up; the drain does not. */
const PATIENCE_MS = 60_000;

export async function nodeDrain(
  context: Context,
  name: string,
  options: { readonly dryRun?: boolean; readonly wait: boolean },
): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  if (options.dryRun === true) {
    const plan = await cluster.call(previewDrain, { params: { name } });
    report(context, plan, () => renderDrainPlan(plan, context.output.look));
    return EXIT_DONE;
  }
  const begun = await cluster.call(drainNode, { params: { name } });
  if (!options.wait) {
    report(context, begun, () => `The drain of ${name} has begun; follow it with \`godwit node show ${name}\`.`);
    return EXIT_DONE;
  }
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt);
  try {
    const ended = await followDrain({ context, cluster, name, begun, signal: stop.signal });
    if (ended === null) {
      context.output.printError(`The drain of ${name} goes on; end it with \`godwit node cancel-drain ${name}\`.`);
      return EXIT_INTERRUPTED;
    }
    report(context, ended, () => endText(ended));
    return EXIT_DONE;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

interface Following {
  readonly context: Context;
  readonly cluster: Pick<Cluster, 'call'>;
  readonly name: string;
  readonly begun: NodeDetail;
  readonly signal: AbortSignal;
  readonly pollMs?: number;
  readonly blockedForMs?: number;
}

/** Null: interrupted. Throws DRAIN_BLOCKED when nothing moves any more. */
export async function followDrain(following: Following): Promise<NodeDetail | null> {
  const { context, cluster, name, begun, signal, pollMs = POLL_MS, blockedForMs = BLOCKED_FOR_MS } = following;
  let node = begun;
  let said = '';
  let blockedSince: number | null = null;
  let answeredAt = performance.now();
  while (!signal.aborted) {
    if (node.service.mode !== 'draining') return node;
    const { drain } = node.service;
    // The state of a drain counts VMs, so every change of it is worth a line.
    if (drain !== null && drain.text !== said && !context.json) context.output.print(drain.text);
    said = drain?.text ?? said;
    blockedSince = drain?.state === 'blocked' ? (blockedSince ?? performance.now()) : null;
    if (blockedSince !== null && performance.now() - blockedSince >= blockedForMs) throw blocked(node);
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return null;
    try {
      node = await cluster.call(getNode, { params: { name } });
      answeredAt = performance.now();
    } catch (error) {
      const passing = error instanceof GodwitError && ERROR_CODES[error.code].httpStatus === 503;
      if (!passing || performance.now() - answeredAt > PATIENCE_MS) throw error;
    }
  }
  return null;
}

function blocked(node: NodeDetail): GodwitError {
  const blockers = node.service.drain?.blockers ?? [];
  const reasons = blockers.flatMap(({ vm, reasons: all }) =>
    all.map((reason) => (reason.includes(vm) ? reason : `${vm}: ${reason}`)),
  );
  return new GodwitError({
    code: 'DRAIN_BLOCKED',
    message: `${blockers.map(({ vm }) => vm).join(', ') || 'Some VMs'} cannot leave ${node.name}.`,
    state: `${node.vms.length} VMs are left on ${node.name} and run on. The drain stays open, and goes on when a reason is gone.`,
    nextStep: `Remove the reasons, turn such a VM off, or end the drain with \`godwit node cancel-drain ${node.name}\`.`,
    details: { reasons, blockers },
  });
}

function endText(node: NodeDetail): string {
  if (node.service.mode === 'active') return `Somebody has let ${node.name} take VMs again; the drain has ended.`;
  if (node.vms.length > 0) return `The drain of ${node.name} was cancelled; ${node.vms.join(', ')} stay on it.`;
  return `${node.name} is empty and paused. Let it take VMs again with \`godwit node resume ${node.name}\`, with --failback to bring them back.`;
}
