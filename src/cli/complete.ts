/** Says what could follow on the command line. The shells' scripts ask for it at every press of the key. */
import type { Command, Option } from 'commander';
import type { Cluster } from './cluster.ts';
import type { ClusterOptions } from './cluster-selection.ts';
import { type Context, EXIT_DONE, type ExitStatus } from './context.ts';
import { readLabNames } from './lab-access.ts';

/** A shell that hangs at a key press is worse than one that knows no names. */
const DEADLINE_MS = 1500;

/** What a word stands for, by the name of its argument or option. */
type NameKind = 'vm' | 'node' | 'machine' | 'lab' | 'image';

export interface Completion {
  /** Fixed words. */
  readonly words: readonly string[];
  /** Names to look up besides. */
  readonly names: NameKind | null;
}

export async function complete(context: Context, program: Command, words: readonly string[]): Promise<ExitStatus> {
  const typed = words.at(-1) ?? '';
  const { words: fixed, names } = decideCompletion(program, words);
  const looked = names === null ? [] : await lookUp(names, () => context.openCluster(clusterNamed(words)));
  const matching = [...fixed, ...looked].filter((word) => word.startsWith(typed));
  if (matching.length > 0) context.output.print(matching.join('\n'));
  return EXIT_DONE;
}

/** The cluster that the line being typed is about; `lab` commands call it --name. */
export function clusterNamed(words: readonly string[]): ClusterOptions {
  const valueOf = (option: string) => {
    const index = words.indexOf(option);
    return index < 0 ? words.find((word) => word.startsWith(`${option}=`))?.slice(option.length + 1) : words[index + 1];
  };
  const lab = valueOf('--lab') ?? (words[0] === 'lab' ? valueOf('--name') : undefined);
  const cluster = valueOf('--cluster');
  return { ...(lab !== undefined && { lab }), ...(cluster !== undefined && { cluster }) };
}

/** The last word is the one being typed. */
export function decideCompletion(program: Command, words: readonly string[]): Completion {
  const nothing: Completion = { words: [], names: null };
  if (words.slice(0, -1).includes('--')) return nothing;
  const typed = words.at(-1) ?? '';
  let command = program;
  let placed = 0;
  let pending: Option | undefined;
  for (const word of words.slice(0, -1)) {
    if (pending !== undefined) pending = undefined;
    else if (word.startsWith('-')) pending = valueOption(command, word);
    else {
      const next = command.commands.find((candidate) => candidate.name() === word);
      if (next !== undefined) command = next;
      else placed += 1;
    }
  }
  if (pending !== undefined) return { words: pending.argChoices ?? [], names: optionNames(pending.attributeName()) };
  if (typed.startsWith('-')) return { words: optionWords(command), names: null };
  if (command.commands.length > 0) return { words: visibleNames(command), names: null };
  return argumentWords(command, placed);
}

function argumentWords(command: Command, placed: number): Completion {
  const argument = command.registeredArguments[placed];
  if (argument === undefined) return { words: [], names: null };
  const name = argument.name();
  if (name === 'shell') return { words: ['bash', 'zsh', 'fish'], names: null };
  if (name === 'id') return { words: ['last'], names: null };
  return { words: [], names: argumentNames(name) };
}

function argumentNames(name: string): NameKind | null {
  return name === 'vm' || name === 'node' || name === 'machine' || name === 'image' ? name : null;
}

function optionNames(name: string): NameKind | null {
  if (name === 'to' || name === 'node' || name === 'preferredOwner' || name === 'possibleOwner') return 'node';
  if (name === 'vm') return 'vm';
  if (name === 'image' || name === 'cdrom') return 'image';
  return name === 'lab' || name === 'name' ? 'lab' : null;
}

function visibleNames(command: Command): string[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((candidate) => candidate.name());
}

function allOptions(command: Command): Option[] {
  const above = command.parent === null ? [] : allOptions(command.parent);
  return [...command.options, ...above.filter((option) => option.long !== '--version')];
}

function valueOption(command: Command, word: string): Option | undefined {
  // With "=" the value is there already.
  return allOptions(command).find((option) => option.long === word && (option.required || option.optional));
}

function optionWords(command: Command): string[] {
  return [...allOptions(command).map((option) => option.long ?? ''), '--help'].filter((word) => word !== '');
}

type OpenCluster = () => Promise<Cluster>;

async function lookUp(kind: NameKind, openCluster: OpenCluster): Promise<readonly string[]> {
  const { promise, resolve } = Promise.withResolvers<string[]>();
  const timer = setTimeout(() => resolve([]), DEADLINE_MS);
  try {
    return await Promise.race([namesOf(kind, openCluster), promise]);
  } catch {
    // No cluster, no names: the key press must not print an error.
    return [];
  } finally {
    clearTimeout(timer);
  }
}

async function namesOf(kind: NameKind, openCluster: OpenCluster): Promise<readonly string[]> {
  if (kind === 'lab') return readLabNames();
  const cluster = await openCluster();
  if (kind === 'vm') {
    const { listVms } = await import('../contract/vms.ts');
    return (await cluster.call(listVms)).map((vm) => vm.name);
  }
  if (kind === 'image') {
    const { listImages } = await import('../contract/images.ts');
    return (await cluster.call(listImages)).images.map((image) => image.name);
  }
  const { listNodes } = await import('../contract/cluster.ts');
  const members = await cluster.call(listNodes);
  if (kind === 'node') return members.filter((member) => member.role === 'node').map((member) => member.name);
  return [...members.map((member) => member.name), 'client'];
}
