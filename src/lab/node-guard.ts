/** The guard of a node of the lab: how it is started, and how the agent beside it is told of it. */
import { join } from 'node:path';
import type { AgentConfig } from '../model/agent-config.ts';
import type { LabGuard } from './lab-state.ts';
import { labPaths } from './lab-state.ts';
import { REPOSITORY } from './repository.ts';

/** Each machine has its own /run and /sys. */
const SOCKET = '/run/godwit/guard.sock';
const CGROUP = '/sys/fs/cgroup/godwit';

export function guardConfig(lab: string, node: string, guard: LabGuard): AgentConfig['guard'] {
  if (guard === 'none') return null;
  const watchdog = { device: labPaths.watchdogDevice(lab, node), timeoutFile: labPaths.watchdogTimeout(lab, node) };
  return { socket: SOCKET, cgroup: CGROUP, watchdog: guard === 'watchdog' ? watchdog : null };
}

/** For the shell; empty where no guard is to run. */
export function guardCommand(lab: string, node: string, guard: LabGuard): string {
  const config = guardConfig(lab, node, guard);
  if (config === null) return '';
  const argv = [join(REPOSITORY, 'godwit'), 'guard', '--socket', config.socket, '--cgroup', config.cgroup];
  argv.push('--log', labPaths.guardLog(lab, node));
  if (config.watchdog !== null) {
    argv.push('--watchdog', config.watchdog.device, '--watchdog-timeout-file', config.watchdog.timeoutFile);
  }
  return argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
}
