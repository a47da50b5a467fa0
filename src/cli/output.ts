import type { Look } from './look.ts';

/** Where a command's words go. Nothing else in the command line writes to a stream. */
export interface Output {
  /** Standard output is a terminal: things may be redrawn. */
  readonly isTerminal: boolean;
  readonly look: Look;
  /** One text to standard output, with a line break after it. */
  print(text: string): void;
  /** To standard output as it is. */
  write(text: string): void;
  /** One text to standard error, with a line break after it. */
  printError(text: string): void;
  readonly errorLook: Look;
}
