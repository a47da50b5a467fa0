import { describe, expect, test } from 'vitest';
import { clusterNamed, decideCompletion } from './complete.ts';
import { buildProgram } from './program.ts';

const PROGRAM = buildProgram({
  version: '',
  perform: () => Promise.resolve(),
  beforeCommand: () => undefined,
  writeOut: () => undefined,
  writeError: () => undefined,
});

function after(line: string) {
  return decideCompletion(PROGRAM, line.split(' '));
}

describe('decideCompletion', () => {
  test('offers nouns and verbs, but no hidden command', () => {
    expect(after('').words).toEqual([
      ...['vm', 'image', 'migration', 'node', 'cluster', 'ha', 'events', 'lab', 'agent', 'witness', 'completion'],
    ]);
    expect(after('vm ').words).toContain('migrate');
  });

  test('looks up VMs, nodes, machines and labs where their names belong', () => {
    expect(after('vm migrate ').names).toBe('vm');
    expect(after('vm migrate Web --to ').names).toBe('node');
    expect(after('node drain ').names).toBe('node');
    expect(after('events --vm ').names).toBe('vm');
    expect(after('lab crash ').names).toBe('machine');
    expect(after('vm list --lab ').names).toBe('lab');
    expect(after('lab up --name ').names).toBe('lab');
    expect(after('vm create ').names).toBeNull();
  });

  test('offers the choices of an option, and goes on after its value', () => {
    expect(after('vm migrate Web --mode ').words).toEqual(['live', 'quick', 'offline']);
    expect(after('vm migrate --mode live ').names).toBe('vm');
  });

  test('offers options of the command and of the program', () => {
    expect(after('vm migrate Web --').words).toEqual(expect.arrayContaining(['--to', '--json', '--lab', '--help']));
  });

  test('offers no second argument where there is one, and nothing after "--"', () => {
    expect(after('vm show Web ')).toEqual({ words: [], names: null });
    expect(after('lab exec node1 -- ')).toEqual({ words: [], names: null });
  });
});

describe('clusterNamed', () => {
  test('takes the cluster from the line that is being typed', () => {
    expect(clusterNamed(['--lab', 'dev', 'vm', 'show', ''])).toEqual({ lab: 'dev' });
    expect(clusterNamed(['vm', 'show', '--cluster=https://a:1', ''])).toEqual({ cluster: 'https://a:1' });
    expect(clusterNamed(['lab', 'crash', '--name', 'dev', ''])).toEqual({ lab: 'dev' });
    expect(clusterNamed(['vm', 'show', ''])).toEqual({});
  });
});
