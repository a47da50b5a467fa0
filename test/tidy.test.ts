import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MIGRATION_PHASES } from '../src/migration/phases.ts';
import { ERROR_CODES } from '../src/model/errors.ts';

/** Checks the repository itself: that documents and code say the same, and the limits that no linter knows. */

const CODE_FOLDERS = ['src', 'test', 'scripts', 'bench'];
const LINES_MAX = 400;

const codeFiles = CODE_FOLDERS.flatMap(filesBelow).filter((path) => /\.(ts|mjs|pl|sh|proto)$/.test(path));
const documents = [...filesBelow('docs'), ...CODE_FOLDERS.flatMap(filesBelow), ...readdirSync('.')].filter((path) =>
  path.endsWith('.md'),
);

describe('documents and code', () => {
  test('docs/migration.md has one heading per phase, in order', () => {
    const expected = MIGRATION_PHASES.map(({ title }, index) => `Phase ${index + 1}: ${title}`);
    expect(headings('docs/migration.md').filter((heading) => heading.startsWith('Phase '))).toEqual(expected);
  });

  test('the phase files are numbered and named like the table', () => {
    const expected = MIGRATION_PHASES.map(({ phase }, index) => `phase-${index + 1}-${phase}.ts`);
    expect(readdirSync('src/migration').filter((name) => /^phase-\d-.*(?<!\.test)\.ts$/.test(name))).toEqual(expected);
  });

  test('docs/errors.md has one heading per error code and none besides', () => {
    const codes = headings('docs/errors.md').filter((heading) => /^[A-Z][A-Z_]+$/.test(heading));
    expect(codes.toSorted()).toEqual(Object.keys(ERROR_CODES).toSorted());
    expect(new Set(codes).size).toBe(codes.length);
  });

  test('links between documents lead somewhere', () => {
    const broken = documents.flatMap((path) =>
      [...read(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
        .map(([, target = '']) => join(dirname(path), target))
        .filter((target) => statSync(target, { throwIfNoEntry: false }) === undefined)
        .map((target) => `${path}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  test('every document has exactly one title', () => {
    const titles = (path: string) => prose(path).filter((line) => line.startsWith('# ')).length;
    expect(documents.filter((path) => titles(path) !== 1)).toEqual([]);
  });
});

/** Words that docs/glossary.md replaces by others. */
const BANNED_WORDS = [
  /\bdaemons?\b/i,
  /\bhypervisor hosts?\b/i,
  /\btarget (node|host|machine)s?\b/i,
  /\bslaves?\b/i,
  /\btie-?breaker\b/i,
  /\bSTONITH\b/i,
  /\bdatastores?\b/i,
  /\bevacuat/i,
  /\bdowntime\b(?![ -]limit)/i,
];

describe('words', () => {
  test('documents use the words of the glossary', () => {
    const found = documents
      .filter((path) => path !== 'docs/glossary.md')
      .flatMap((path) => linesWith(path, BANNED_WORDS, read(path).split('\n')));
    expect(found).toEqual([]);
  });

  test('texts that a user reads use the words of the glossary', () => {
    const found = codeFiles
      .filter((path) => /^src\/(cli|api|lab|contract|agent|migration|placement|model)\/.*(?<!\.test)\.ts$/.test(path))
      .flatMap((path) => linesWith(path, BANNED_WORDS, stringsIn(read(path))));
    expect(found).toEqual([]);
  });

  test('nothing is left for later in the text of a file', () => {
    const marks = [new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`)];
    const found = [...codeFiles, ...documents].flatMap((path) => linesWith(path, marks, read(path).split('\n')));
    expect(found).toEqual([]);
  });

  test('no file names a place on the machine of its author', () => {
    const places = [new RegExp(`(^|[\\s'"\`(=])/(${['wo' + 'rk', 'ho' + 'me'].join('|')})/`)];
    const found = [...codeFiles, ...documents].flatMap((path) => linesWith(path, places, read(path).split('\n')));
    expect(found).toEqual([]);
  });
});

describe('files', () => {
  test(`no file has more than ${LINES_MAX} lines`, () => {
    const long = codeFiles.filter(
      (path) => !path.includes('/generated/') && read(path).split('\n').length > LINES_MAX + 1,
    );
    expect(long).toEqual([]);
  });

  test('every folder of src says what it is for', () => {
    const folders = new Set(filesBelow('src').map(dirname));
    const silent = [...folders].filter(
      (folder) => !folder.includes('/generated') && !folder.includes('/proto') && !saysWhatItIsFor(folder),
    );
    expect(silent).toEqual([]);
  });

  test('file names are kebab-case nouns, and no folder is a place for the rest', () => {
    const bad = filesBelow('src').filter(
      (path) =>
        !path.includes('/generated/') &&
        /\/(utils?|helpers?|common|misc|manager|service|index)[./]|[A-Z](?!EADME)\w*\.ts$/.test(path),
    );
    expect(bad).toEqual([]);
  });

  test('no test is switched off or runs alone', () => {
    const marks = [/\b(test|it|describe)\.(only|skip|todo)\b/];
    const tests = codeFiles.filter((path) => path.endsWith('.test.ts') && path !== 'test/tidy.test.ts');
    expect(tests.flatMap((path) => linesWith(path, marks, read(path).split('\n')))).toEqual([]);
  });

  test('code that decides does not ask for the time', () => {
    const deciding = codeFiles.filter((path) =>
      /^src\/(model|migration|failover|placement|ports|agent|api|contract)\/.*(?<!\.test)\.ts$/.test(path),
    );
    const found = deciding
      .filter((path) => path !== 'src/agent/main.ts')
      .flatMap((path) => linesWith(path, [/new Date\(\)/], read(path).split('\n')));
    expect(found).toEqual([]);
  });
});

function filesBelow(folder: string): string[] {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function read(path: string): string {
  return readFileSync(path, 'utf8');
}

/** Lines of a document outside of code blocks. */
function prose(path: string): string[] {
  return read(path)
    .replace(/^```.*?^```$/gms, '')
    .split('\n');
}

function headings(path: string): string[] {
  return prose(path).flatMap((line) => /^##+ (.*)$/.exec(line)?.[1] ?? []);
}

function linesWith(path: string, patterns: readonly RegExp[], lines: readonly string[]): string[] {
  return lines
    .filter((line) => patterns.some((pattern) => pattern.test(line)))
    .map((line) => `${path}: ${line.trim()}`);
}

/** What stands between quotes, roughly: enough for words. */
function stringsIn(text: string): string[] {
  const withoutComments = text.replace(/\/\*.*?\*\//gs, '').replace(/^\s*\/\/.*$/gm, '');
  return [...withoutComments.matchAll(/'[^'\n]*'|"[^"\n]*"|`[^`]*`/g)].map(([literal]) => literal);
}

function saysWhatItIsFor(folder: string): boolean {
  const names = readdirSync(folder);
  return (
    names.includes('README.md') ||
    names.some((name) => /\.(ts|pl|sh)$/.test(name) && /^(\/\*\*|\/\/|#!?[^\n]*\n#)/.test(read(join(folder, name))))
  );
}
