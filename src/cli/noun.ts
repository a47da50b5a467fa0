import type { Command } from 'commander';

/** A noun, such as `vm`: its help lists its verbs. */
export function addNoun(program: Command, name: string, description: string): Command {
  return program.command(name).description(description).helpCommand(false);
}
