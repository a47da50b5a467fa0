import type { AgentConfig } from '../model/agent-config.ts';

/** What is to be started on a machine that has become a member, in this order. A guard that has left its watchdog armed is not started again: see docs/operating/formation.md. */
export function startCommands({ role, guard }: Pick<AgentConfig, 'role' | 'guard'>, configFile: string): string[] {
  const program = role === 'witness' ? 'witness' : 'agent';
  const commands = [`godwit ${program} --config ${configFile}`];
  if (guard === null) return commands;
  const { socket, cgroup, watchdog } = guard;
  const pet = watchdog === null ? '' : ` --watchdog ${watchdog.device} --watchdog-timeout-file ${watchdog.timeoutFile}`;
  return [`godwit guard --socket ${socket} --cgroup ${cgroup}${pet}`, ...commands];
}

/** Null: a watchdog stands behind the node, or it is a witness and needs none. */
export function watchdogNote({ role, guard }: Pick<AgentConfig, 'role' | 'guard'>): string | null {
  if (role === 'witness' || (guard !== null && guard.watchdog !== null)) return null;
  const what = guard === null ? 'no control groups of version 2, so there can be no guard' : 'no watchdog';
  return (
    `This machine has ${what}: the VMs of this node are brought back elsewhere only when its power is known to be off, ` +
    'or somebody confirms that it is dead.'
  );
}
