import { execFile } from 'node:child_process';
import { GodwitError } from '../../model/errors.ts';

const TIMEOUT_MS = 5000;

type NetworkTool = 'ip' | 'tc' | 'bridge';

/** Runs `ip`, or another tool of iproute2, in the network namespace of this process, or in the named one. */
export class IpCommand {
  readonly #tool: NetworkTool;
  readonly #globalArgs: readonly string[];

  constructor(netns: string | null, tool: NetworkTool = 'ip') {
    this.#tool = tool;
    this.#globalArgs = netns === null ? [] : ['-netns', netns];
  }

  /** Its output. Throws NETWORK_FAILED with its last words. */
  query(args: readonly string[]): Promise<string> {
    return this.#run(args, '');
  }

  /** Runs the lines in one process, since each one costs 3 to 5 ms; stops at the first that fails. */
  async batch(lines: readonly string[]): Promise<void> {
    if (lines.length > 0) await this.#run(['-batch', '-'], `${lines.join('\n')}\n`);
  }

  #run(args: readonly string[], input: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = execFile(
        this.#tool,
        [...this.#globalArgs, ...args],
        { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 },
        (error, stdout, stderr) => {
          if (error === null) resolve(stdout);
          else reject(ipFailed(input === '' ? args.join(' ') : input.trim(), stderr.trim() || error.message, error));
        },
      );
      // If `ip` ends early, the callback above says why; the broken pipe says nothing more.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
    });
  }
}

function ipFailed(commands: string, problem: string, cause: unknown): GodwitError {
  return new GodwitError(
    {
      code: 'NETWORK_FAILED',
      message: `A network device of this node could not be set up or read: ${problem}.`,
      state: 'Unknown how far it got.',
      nextStep: 'Look at `ip -details link` on this node, correct what is in the way, and try again.',
      details: { commands: commands.split('\n') },
    },
    cause,
  );
}
