/**
 * `godwit guard`: the process that stops the highly available VMs of its node when the node's authority ends, and otherwise keeps
 * the watchdog quiet. It needs nothing but the kernel: no package, no other part of Godwit, no agent that is alive.
 */
import { randomUUID } from 'node:crypto';
import { openSync, writeFileSync, writeSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parseArgs } from 'node:util';
import { Guard } from './guard.ts';
import { type GuardServer, startGuardServer } from './guard-server.ts';
import { HaGroup } from './ha-group.ts';
import { Watchdog } from './watchdog.ts';

const USAGE = `Usage: godwit guard --socket PATH --cgroup DIRECTORY [--watchdog DEVICE --watchdog-timeout-file FILE] [--log FILE]

run the guard of a node, in the foreground: it stops the node's highly available VMs when their right to run has ended

  --socket PATH                  Unix socket at which the agent reaches the guard; PATH.armed exists while the watchdog is armed
  --cgroup DIRECTORY             in a mounted cgroup2; the VMs' group is made in it
  --watchdog DEVICE              e.g. /dev/watchdog; opened when an agent first asks for authority
  --watchdog-timeout-file FILE   says the granted seconds, e.g. /sys/class/watchdog/watchdog0/timeout
  --log FILE                     appended to; standard error if left out`;

function main(): void {
  const options = readOptions();
  const log = options.log === undefined ? process.stderr.fd : openSync(options.log, 'a', 0o640);
  const say = (text: string): void => {
    // A full disk must not end the guard.
    try {
      writeSync(log, `${new Date().toISOString()} guard: ${text}\n`);
    } catch {}
  };
  raiseOwnRank(say);
  const { watchdog: device, 'watchdog-timeout-file': timeoutFile } = options;
  const armedFile = `${options.socket}.armed`;
  const watchdog =
    device === undefined || timeoutFile === undefined ? null : new Watchdog({ device, timeoutFile, armedFile }, say);
  let server: GuardServer | null = null;
  const guard = new Guard({
    ...{ guardId: randomUUID(), group: new HaGroup(options.cgroup), watchdog, say },
    tell: (message) => server?.tell(message),
  });
  server = startGuardServer({
    path: options.socket,
    onMessage: (message) => guard.handle(message),
    onConnect: () => server?.tell(guard.message()),
    say,
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => endIfHarmless(guard, say));
  process.on('uncaughtException', (error) => say(`unforeseen: ${error.stack ?? String(error)}`));
  say(`runs with process id ${process.pid}`);
  guard.run();
}

function endIfHarmless(guard: Guard, say: (text: string) => void): void {
  if (guard.disarm()) {
    say('ends, as it was asked to');
    process.exit(0);
  }
  say('does not end: the watchdog is armed and VMs are left');
}

interface Options {
  readonly socket: string;
  readonly cgroup: string;
  readonly watchdog?: string;
  readonly 'watchdog-timeout-file'?: string;
  readonly log?: string;
}

function readOptions(): Options {
  if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
    process.stdout.write(`${USAGE}\n`);
    process.exit(0);
  }
  try {
    const text = { type: 'string' } as const;
    const { values } = parseArgs({
      options: { socket: text, cgroup: text, watchdog: text, 'watchdog-timeout-file': text, log: text },
    });
    const { socket, cgroup } = values;
    if (socket === undefined || cgroup === undefined) throw new Error('--socket and --cgroup are needed.');
    if ((values.watchdog === undefined) !== (values['watchdog-timeout-file'] === undefined)) {
      throw new Error('--watchdog and --watchdog-timeout-file are needed together.');
    }
    return { ...values, socket, cgroup };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
    process.exit(2);
  }
}

/** Ahead of everything it has to stop, and the last to go when memory is short. */
function raiseOwnRank(say: (text: string) => void): void {
  try {
    setPriority(-20);
  } catch (error) {
    say(`runs at an ordinary priority: ${String(error)}`);
  }
  try {
    writeFileSync('/proc/self/oom_score_adj', '-1000');
  } catch (error) {
    // Some containers keep this from root.
    say(`may be ended when memory is short: ${String(error)}`);
  }
}

main();
