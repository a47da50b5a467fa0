import { spawn } from 'node:child_process';

/** How a fence agent ended. */
export type FenceAgentEnd =
  | { readonly kind: 'ended'; readonly exitCode: number | null; readonly output: string; readonly complaint: string }
  | { readonly kind: 'not-started'; readonly complaint: string }
  | { readonly kind: 'out-of-time' };

export interface FenceAgentCall {
  /** Absolute path. */
  readonly command: string;
  /** Lines `key=value`, without the action. */
  readonly options: Readonly<Record<string, string>>;
  readonly action: 'on' | 'off' | 'status';
  readonly deadlineMs: number;
}

/** An agent that talks without end is not listened to any further, in bytes. */
const OUTPUT_MAX_BYTES = 64 * 1024;

/**
 * Runs one fence agent: its options go to its standard input, as the FenceAgentAPI of ClusterLabs has it, since everybody on the machine can read a command
 * line. It is killed with all that it has started when the deadline passes. Never throws.
 */
export function runFenceAgent(call: FenceAgentCall): Promise<FenceAgentEnd> {
  return new Promise((resolve) => {
    const child = spawn(call.command, [], {
      // A process group of its own: agents run programs such as ipmitool, which outlive an agent that is killed alone.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', HOME: '/' },
      cwd: '/',
    });
    const [output, complaint] = [gather(child.stdout), gather(child.stderr)];
    const timer = setTimeout(() => {
      killGroup(child.pid);
      resolve({ kind: 'out-of-time' });
    }, call.deadlineMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve({ kind: 'not-started', complaint: error.message });
    });
    child.once('close', (exitCode) => {
      clearTimeout(timer);
      resolve({ kind: 'ended', exitCode, output: output(), complaint: complaint() });
    });
    // An agent that has ended before it has read everything says why by itself.
    child.stdin.on('error', () => undefined);
    child.stdin.end(standardInput(call));
  });
}

function standardInput({ options, action }: FenceAgentCall): string {
  const lines = Object.entries(options).map(([key, value]) => `${key}=${value}`);
  // Last: whatever else was given, this is what is done.
  return `${[...lines, `action=${action}`].join('\n')}\n`;
}

function gather(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    if (size < OUTPUT_MAX_BYTES) chunks.push(chunk);
    size += chunk.length;
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended in this very moment.
  }
}
