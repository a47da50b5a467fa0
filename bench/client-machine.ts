/** The lab's client machine: the program that talks to the guest from there, and the counters of its network. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { namespaceOf, SWITCH } from '../src/lab/lab-plan.ts';
import { runCommand } from '../src/lab/run-command.ts';
import type { WireFigures } from './bench-plan.ts';
import type { ClientFigures, ClientMode } from './client/figures.ts';

const PROGRAM = fileURLToPath(import.meta.resolve('./client/main.ts'));
/**
 * Before all that wants a processor, where that is allowed: on a machine of its own the client would not wait for one,
 * and waiting here would look like a gap of the guest's.
 */
const AHEAD_OF_OTHERS = ['sh', '-c', 'chrt -f 10 true 2>/dev/null && exec chrt -f 10 "$@"; exec "$@"', 'sh'];
const READY_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 10_000;

/** The client's program on any machine. It ends with its input, hence with this process. */
export class ClientProgram {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #waiting: ((line: unknown) => void)[] = [];

  constructor(namespace: string, args: readonly string[]) {
    const argv = [...AHEAD_OF_OTHERS, process.execPath, PROGRAM, ...args];
    this.#child = spawn('ip', ['netns', 'exec', namespace, ...argv], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // Whoever waits is told by the end of its output.
    this.#child.on('error', () => undefined);
    this.#child.stdin?.on('error', () => undefined);
    this.#lines = createInterface({ input: this.#child.stdout ?? process.stdin });
    this.#lines.on('line', (line) => this.#waiting.shift()?.(JSON.parse(line)));
    this.#lines.on('close', () => {
      for (const tell of this.#waiting.splice(0)) tell(null);
    });
  }

  /** The next line of its output; null if it ended without one, or said nothing in this time. */
  next(timeoutMs: number): Promise<unknown> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), timeoutMs);
      this.#waiting.push((line) => {
        clearTimeout(timer);
        resolve(line);
      });
    });
  }

  tellToStop(): void {
    this.#child.stdin?.end('\n');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

export interface RunningClient {
  /** Null if it did not get through to the end. */
  stop(): Promise<ClientFigures | null>;
}

/** Returns when the guest has answered; null if it does not. */
export async function startClient(namespace: string, mode: ClientMode, address: string): Promise<RunningClient | null> {
  const program = new ClientProgram(namespace, [mode, address]);
  if ((await program.next(READY_TIMEOUT_MS)) === null) {
    program.kill();
    return null;
  }
  return {
    stop: async () => {
      const figures = program.next(STOP_TIMEOUT_MS);
      program.tellToStop();
      const line = (await figures) as ClientFigures | null;
      program.kill();
      return line;
    },
  };
}

export async function readWire(lab: string, client: string): Promise<WireFigures> {
  const argv = ['ip', 'netns', 'exec', client, 'nstat', '-a', '-s', '-z', '-j'];
  const { kernel } = JSON.parse(await runCommand(argv)) as { kernel: Record<string, number> };
  const ports = await runCommand(['ip', '-n', namespaceOf(lab, SWITCH), '-s', '-j', 'link', 'show', 'type', 'veth']);
  return { ...tcpCounters(kernel), ...frameCounters(ports) };
}

function tcpCounters(kernel: Readonly<Record<string, number>>): Omit<WireFigures, 'clientFrames' | 'wireFrames'> {
  return {
    tcpTimeouts: kernel['TcpExtTCPTimeouts'] ?? 0,
    tcpLossProbes: kernel['TcpExtTCPLossProbes'] ?? 0,
    tcpRetransmits: kernel['TcpRetransSegs'] ?? 0,
  };
}

/** From what `ip -s -j link` says about the switch's ports: what a machine sends, its port receives. */
export function frameCounters(json: string): Pick<WireFigures, 'clientFrames' | 'wireFrames'> {
  const ports = JSON.parse(json) as { ifname: string; stats64?: { rx?: { packets?: number } } }[];
  const received = ports
    .filter(({ ifname }) => ifname.endsWith('-client'))
    .map(({ ifname, stats64 }) => ({ ifname, frames: stats64?.rx?.packets ?? 0 }));
  return {
    clientFrames: received.find(({ ifname }) => ifname === 'client-client')?.frames ?? 0,
    wireFrames: received.reduce((total, { frames }) => total + frames, 0),
  };
}

export function wireBetween(before: WireFigures, after: WireFigures): WireFigures {
  return {
    tcpTimeouts: after.tcpTimeouts - before.tcpTimeouts,
    tcpLossProbes: after.tcpLossProbes - before.tcpLossProbes,
    tcpRetransmits: after.tcpRetransmits - before.tcpRetransmits,
    clientFrames: after.clientFrames - before.clientFrames,
    wireFrames: after.wireFrames - before.wireFrames,
  };
}
