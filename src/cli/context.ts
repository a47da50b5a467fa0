import type { Cluster } from './cluster.ts';
import type { ClusterOptions } from './cluster-selection.ts';
import type { Output } from './output.ts';

/** What every command gets besides its own arguments. */
export interface Context {
  /** One JSON document on standard output instead of text. */
  readonly json: boolean;
  readonly output: Output;
  /** The cluster that the options (others than the command's own, if given), the environment or this machine mean. Opened once. */
  openCluster(options?: ClusterOptions): Promise<Cluster>;
}

/** `keeps-running`: the process lives on, because the command is an agent. */
export type ExitStatus = number | 'keeps-running';

/** The options that every command takes. */
export interface GlobalOptions extends ClusterOptions {
  readonly json?: boolean;
}

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
export const EXIT_INTERRUPTED = 130;

/** One document, or the text of it. The text is made only when it is needed. */
export function report(context: Context, document: unknown, text: () => string): void {
  context.output.print(context.json ? JSON.stringify(document, null, 2) : text());
}
