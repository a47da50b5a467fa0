import { lookOf } from './look.ts';
import type { Output } from './output.ts';

/** The streams of this process. */
export function standardOutput(): Output {
  const { stdout, stderr } = process;
  // Whoever reads has gone (`godwit vm list | head -1`): there is nobody to tell.
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  }
  return {
    isTerminal: stdout.isTTY === true,
    // Asked anew each time: the terminal may be resized.
    get look() {
      return lookOf(stdout);
    },
    get errorLook() {
      return lookOf(stderr);
    },
    print: (text) => void stdout.write(`${text}\n`),
    write: (text) => void stdout.write(text),
    printError: (text) => void stderr.write(`${text}\n`),
  };
}
