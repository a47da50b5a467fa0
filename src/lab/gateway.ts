/**
 * The way from this host to the nodes' APIs: sockets that listen on the host's loopback are handed to a process in the
 * client machine's network, which connects from there. So no device of the lab ever shows on the host.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { labCgroup, makeCgroup } from './cgroups.ts';
import type { GatewayMessage } from './gateway-process.ts';
import type { LabPlan } from './lab-plan.ts';
import { API_PORT, gatewayAddress, LAB_INDEX_MAX, namespaceOf } from './lab-plan.ts';
import { labPaths } from './lab-state.ts';
import { JOIN_CGROUP } from './machines.ts';

/** Finds an index whose loopback addresses nobody listens on, and keeps the first of them. */
export async function claimIndex(taken: ReadonlySet<number>): Promise<{ index: number; server: Server }> {
  for (let index = 1; index <= LAB_INDEX_MAX; index += 1) {
    if (taken.has(index)) continue;
    const server = await listen(gatewayAddress({ index }, 'node1') ?? '').catch(() => undefined);
    if (server !== undefined) return { index, server };
  }
  throw new GodwitError({
    code: 'LAB_FAILED',
    message: `Port ${API_PORT} is taken on all of 127.77.1.1 to 127.77.${LAB_INDEX_MAX}.1.`,
    state: NOTHING_CHANGED,
    nextStep: 'Take down labs that are not needed (`godwit lab down --name NAME`).',
  });
}

/** Starts the gateway. Takes over `first`, the server of the first node's address, and closes it here. */
export async function startGateway(plan: LabPlan, first: Server): Promise<void> {
  const cgroup = join(await labCgroup(plan.name), 'gateway');
  await makeCgroup(cgroup);
  const log = openSync(labPaths.gatewayLog(plan.name), 'a');
  const namespace = `--net=/run/netns/${namespaceOf(plan.name, 'client')}`;
  const program = [process.execPath, join(import.meta.dirname, 'gateway-process.ts')];
  const child = spawn('sh', ['-c', JOIN_CGROUP, 'sh', cgroup, 'nsenter', namespace, '--', ...program], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const nodes = plan.machines.filter((machine) => machine.kind === 'node');
  const servers = [first];
  for (const node of nodes) {
    const address = gatewayAddress(plan, node.name) ?? '';
    const server = node.name === 'node1' ? first : await listen(address);
    if (server !== first) servers.push(server);
    const host = node.links.find((link) => link.network === 'client')?.address ?? '';
    const message: GatewayMessage = { host, port: API_PORT };
    child.send(message, server);
  }
  let answered = 0;
  await new Promise<void>((resolve, reject) => {
    child.on('message', () => {
      answered += 1;
      if (answered === nodes.length) resolve();
    });
    child.once('error', reject);
    child.once('exit', (status) => reject(gatewayFailed(status)));
  });
  child.removeAllListeners('exit');
  for (const server of servers) server.close();
  child.disconnect();
  child.unref();
}

function listen(address: string): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port: API_PORT }, () => resolve(server));
  });
}

function gatewayFailed(status: number | null): GodwitError {
  return new GodwitError({
    code: 'LAB_FAILED',
    message: `The lab's gateway to the nodes ended with status ${status ?? 'unknown'} at its start.`,
    state: 'The lab is partly up.',
    nextStep: 'Run `godwit lab down`, then try again.',
  });
}
