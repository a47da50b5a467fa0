import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';

/** Asks on the terminal, twice, without showing what is typed. Throws INVALID_INPUT where there is no terminal. */
export async function askPassword(question: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw refuse('There is no terminal to ask for the password.', 'Name a file that has it: --password-file FILE.');
  }
  const first = await ask(question);
  if ((await ask('The same again: ')) === first) return first;
  throw refuse('The two passwords are not the same.', 'Try again.');
}

function ask(question: string): Promise<string> {
  process.stderr.write(question);
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: unseen, terminal: true });
  return new Promise((resolve, reject) => {
    lines.once('SIGINT', () => {
      lines.close();
      process.stderr.write('\n');
      reject(refuse('It was interrupted.', 'Try again.'));
    });
    lines.question('', (answer) => {
      lines.close();
      process.stderr.write('\n');
      resolve(answer);
    });
  });
}

function refuse(message: string, nextStep: string): GodwitError {
  return new GodwitError({ code: 'INVALID_INPUT', message, state: NOTHING_CHANGED, nextStep });
}
