import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { type Context, EXIT_DONE, type ExitStatus } from './context.ts';

/**
 * What the shells load. The scripts only ask `godwit complete`, which walks the tree of commands, so they
 * never grow old. Where it has nothing to say the shell falls back to file names.
 */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_godwit() {
  local IFS=$'\\n'
  COMPREPLY=($(godwit complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _godwit godwit`,
  zsh: `#compdef godwit
_godwit() {
  local -a answers
  answers=("\${(@f)$(godwit complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${answers[1]}" ]]; then compadd -a answers; else _files; fi
}
if [[ "\${funcstack[1]}" = _godwit ]]; then _godwit "$@"; else compdef _godwit godwit; fi`,
  fish: `function __godwit_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    godwit complete -- $words[2..-1] (commandline --current-token --cut-at-cursor) 2>/dev/null
end
complete --command godwit --arguments '(__godwit_complete)'`,
};

export function completion(context: Context, shell: string): Promise<ExitStatus> {
  const script = SCRIPTS[shell];
  if (script === undefined) {
    throw new GodwitError({
      code: 'INVALID_INPUT',
      message: `There is no completion for the shell "${shell}".`,
      state: NOTHING_CHANGED,
      nextStep: `Name one of these: ${Object.keys(SCRIPTS).join(', ')}.`,
    });
  }
  context.output.print(context.json ? JSON.stringify({ shell, script }) : script);
  return Promise.resolve(EXIT_DONE);
}
