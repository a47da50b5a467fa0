import { describe, expect, test } from 'vitest';
import { recordOutput } from '../../test/doubles/cli-samples.ts';
import { runCommandLine } from './run.ts';

async function run(line: string) {
  const output = recordOutput();
  const status = await runCommandLine(line.split(' '), output);
  return { status, out: output.texts.join(''), errors: output.errors };
}

describe('runCommandLine', () => {
  test.each([
    'vm',
    'nonsense',
    'vm nonsense',
    'vm migrate',
    'vm show one two',
    'vm create a',
    'vm create a --memory many',
    'vm create a --memory 256M --cpus 1.5',
    'vm create a --memory 256M --disk big',
    'vm migrate a --mode sideways',
    'vm migrate a --budget soon',
    'vm migrate a --bandwidth 500',
    'vm migrate a --migration-tls perhaps',
    'vm list --no-such-option',
    'lab cut node1 --network moon',
    'lab exec node1',
    'agent',
  ])('ends with 2 for wrong usage: %s', async (line) => {
    const text = await run(line);
    expect(text.status).toBe(2);
    expect(text.out).toBe('');
    expect(text.errors).toHaveLength(1);
    expect(text.errors[0]).toMatch(/See `godwit|Usage: godwit/);

    const json = await run(`${line} --json`);
    expect(json.status).toBe(2);
    expect(json.out).toBe('');
    expect(json.errors).toHaveLength(1);
    expect(JSON.parse(json.errors[0] ?? '')).toEqual({
      code: 'INVALID_INPUT',
      message: expect.stringMatching(/./),
      state: 'Nothing was changed.',
      nextStep: expect.stringMatching(/^See `godwit .*--help`\.$/),
    });
  });

  test('points to the help of the command that was meant', async () => {
    expect((await run('vm migrate a --budget soon')).errors[0]).toBe(
      "error: option '--budget <time>' argument 'soon' is invalid. It is not a duration such as 50ms or 1.5s.\nSee `godwit vm migrate --help`.",
    );
  });

  test('ends with 1 for what is refused, with the object alone on standard error', async () => {
    const { status, out, errors } = await run('completion tcsh --json');
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(JSON.parse(errors[0] ?? '')).toMatchObject({ code: 'INVALID_INPUT', state: 'Nothing was changed.' });
  });

  test('says to a person what happened, the state now, the next step and the code', async () => {
    expect((await run('completion tcsh')).errors.join('\n')).toMatchInlineSnapshot(`
      "✘ There is no completion for the shell "tcsh".
        now    Nothing was changed.
        next   Name one of these: bash, zsh, fish.
        code   INVALID_INPUT"
    `);
  });

  test.each(['--help', 'vm --help', 'vm migrate --help', '--version'])('ends with 0 for %s', async (line) => {
    const { status, out, errors } = await run(line);
    expect({ status, errors }).toEqual({ status: 0, errors: [] });
    expect(out).toMatch(/godwit/);
  });

  test('prints the versions of godwit and of Node.js', async () => {
    expect((await run('--version')).out).toMatch(/^godwit \d+\.\d+\.\d+ \(Node\.js \d+\.\d+\.\d+\)\n$/);
  });

  test.each(['bash', 'zsh', 'fish'])('prints a completion script for %s', async (shell) => {
    const { status, out } = await run(`completion ${shell}`);
    expect(status).toBe(0);
    expect(out).toContain('godwit complete --');
  });
});
