import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/**
 * The import table of ARCHITECTURE.md, tried: a small tree with one import per file goes through the
 * linter with the repository's own configuration. It guards the guard: a pattern that matches nothing
 * would otherwise look like a clean tree.
 */
const FORBIDDEN = [
  ['src/unheard-of/x.ts', '../model/names.ts'],
  ['src/model/x.ts', '../ports/clock.ts'],
  ['src/model/x.ts', 'node:fs'],
  ['src/migration/x.ts', '../ports/clock.ts'],
  ['src/migration/x.ts', '../placement/choose-node.ts'],
  ['src/migration/x.ts', 'node:os'],
  ['src/migration/x.ts', 'typebox'],
  ['src/placement/x.ts', '../migration/phases.ts'],
  ['src/failover/x.ts', '../migration/phases.ts'],
  ['src/ports/x.ts', '../migration/phases.ts'],
  ['src/ports/x.ts', 'ws'],
  ['src/adapters/qmp/x.ts', '../etcd/etcd-store.ts'],
  ['src/adapters/qmp/x.ts', '../../migration/phases.ts'],
  ['src/adapters/qmp/x.ts', '../../agent/agent.ts'],
  ['src/adapters/processes/x.ts', '../qmp/qmp-client.ts'],
  ['src/agent/x.ts', '../adapters/qmp/qmp-client.ts'],
  ['src/agent/x.ts', '../api/server.ts'],
  ['src/agent/x.ts', 'node:fs'],
  ['src/agent/x.ts', 'node:timers/promises'],
  ['src/agent/x.ts', 'pino'],
  ['src/agent/main.ts', 'pino'],
  ['src/agent/run-node.ts', 'pino'],
  ['src/guard/x.ts', '../ports/clock.ts'],
  ['src/guard/x.ts', 'yaml'],
  ['src/guard/decide-x.ts', 'node:fs'],
  ['src/guard/decide-x.ts', './watchdog.ts'],
  ['src/api/x.ts', '../agent/agent.ts'],
  ['src/api/x.ts', '../adapters/qmp/qmp-client.ts'],
  ['src/api/x.ts', 'node:fs'],
  ['src/contract/x.ts', '../ports/store.ts'],
  ['src/contract/x.ts', 'fastify'],
  ['src/client/x.ts', '../api/server.ts'],
  ['src/client/x.ts', 'node:https'],
  ['src/client/node-x.ts', '../api/server.ts'],
  ['src/formation/x.ts', '../api/server.ts'],
  ['src/formation/x.ts', '../adapters/etcd/etcd-store.ts'],
  ['src/cli/x.ts', '../api/server.ts'],
  ['src/cli/x.ts', '../agent/agent.ts'],
  ['src/cli/commands/x.ts', '../../adapters/qmp/qmp-client.ts'],
  ['src/lab/x.ts', '../agent/main.ts'],
  ['src/lab/guest/x.ts', '../../adapters/qmp/qmp-client.ts'],
  ['web/src/vms/x.ts', '../../../src/api/server.ts'],
  ['web/src/vms/x.ts', '../../../src/placement/choose-node.ts'],
  ['web/src/vms/x.ts', 'node:fs'],
  ['simulation/x.ts', '../src/adapters/etcd/etcd-store.ts'],
  ['simulation/x.ts', '../src/agent/main.ts'],
  ['simulation/x.ts', '../src/agent/run-node.ts'],
  ['simulation/x.ts', '../src/guard/watchdog.ts'],
  ['simulation/x.ts', '../src/api/server.ts'],
  ['simulation/exhaustive/x.ts', '../../src/adapters/etcd/etcd-store.ts'],
  ['simulation/exhaustive/x.ts', '../../src/agent/main.ts'],
] as const;

const ALLOWED = [
  ['src/model/y.ts', './names.ts'],
  ['src/migration/y.ts', '../model/names.ts'],
  ['src/placement/y.ts', '../model/names.ts'],
  ['src/failover/y.ts', '../placement/choose-node.ts'],
  ['src/ports/y.ts', '../model/names.ts'],
  ['src/adapters/qmp/y.ts', '../processes/detached-process.ts'],
  ['src/adapters/qmp/y.ts', '../../ports/clock.ts'],
  ['src/adapters/qmp/y.ts', 'node:fs/promises'],
  ['src/adapters/qmp/y.ts', 'ws'],
  ['src/agent/y.ts', '../migration/phases.ts'],
  ['src/agent/y.ts', '../ports/store.ts'],
  ['src/agent/main.ts', '../adapters/qmp/qmp-client.ts'],
  ['src/agent/run-node.ts', '../adapters/qmp/qmp-client.ts'],
  ['src/agent/main.ts', 'node:fs/promises'],
  ['src/guard/y.ts', 'node:fs'],
  ['src/guard/decide-y.ts', '../model/authority.ts'],
  ['src/api/y.ts', '../contract/vms.ts'],
  ['src/api/y.ts', 'fastify'],
  ['src/contract/y.ts', 'typebox'],
  ['src/client/y.ts', '../contract/vms.ts'],
  ['src/client/node-y.ts', 'node:https'],
  ['src/formation/y.ts', '../adapters/pki/key-pair.ts'],
  ['src/formation/y.ts', '../client/node-transport.ts'],
  ['src/cli/y.ts', '../client/client.ts'],
  ['src/cli/y.ts', '../formation/join-cluster.ts'],
  ['src/cli/y.ts', '../agent/main.ts'],
  ['src/cli/commands/y.ts', '../table.ts'],
  ['src/lab/y.ts', '../client/client.ts'],
  ['src/lab/guest/y.ts', '../run-command.ts'],
  ['web/src/vms/y.ts', '../../../src/contract/vms.ts'],
  ['web/src/vms/y.ts', '../../../src/client/client.ts'],
  ['web/src/vms/y.ts', 'react'],
  ['simulation/y.ts', '../src/failover/authority.ts'],
  ['simulation/y.ts', '../src/guard/decide-guard.ts'],
  ['simulation/y.ts', '../src/agent/decide-vm.ts'],
  ['simulation/exhaustive/y.ts', '../engine.ts'],
  ['simulation/exhaustive/y.ts', '../../src/failover/voter.ts'],
  ['src/agent/y.test.ts', '../adapters/qmp/qmp-client.ts'],
] as const;

/** A rule names these files themselves, so each of them gets all of its imports; one finding is expected in it. */
const NAMED: ReadonlySet<string> = new Set(['src/agent/main.ts', 'src/agent/run-node.ts']);

const WORLD = [
  'Date.now()',
  'Math.random()',
  'performance.now()',
  'process.pid',
  'fetch("x")',
  'setTimeout(f, 1)',
  'crypto.randomUUID()',
];

interface Finding {
  readonly code: string;
  readonly filename: string;
}

describe('the import table', () => {
  let findings: readonly Finding[] = [];
  let directory = '';
  /** Each import in a file of its own, in a folder of the same name one would use. */
  const written = new Map<string, string>();

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'import-rules-'));
    cpSync('.oxlintrc.json', join(directory, '.oxlintrc.json'));
    for (const [file, specifier] of [...FORBIDDEN, ...ALLOWED]) {
      write(file, specifier, `import '${specifier}';\n`);
    }
    for (const use of WORLD) {
      write('src/agent/z.ts', use, `export const it = () => ${use};\n`);
      write('src/adapters/system/z.ts', use, `export const it = () => ${use};\n`);
    }
    const result = spawnSync(
      join(process.cwd(), 'node_modules/.bin/oxlint'),
      ['-f', 'json', 'src', 'simulation', 'web'],
      {
        cwd: directory,
        encoding: 'utf8',
      },
    );
    findings = (JSON.parse(result.stdout) as { diagnostics: Finding[] }).diagnostics;
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  function write(file: string, key: string, text: string): void {
    const isNamed = NAMED.has(file);
    const path = isNamed ? file : file.replace(/(\.test)?\.ts$/, (ending) => `-${written.size}${ending}`);
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    appendFileSync(join(directory, path), text);
    written.set(`${file} ${key}`, path);
  }

  function found(rule: string, file: string, key: string): number {
    const path = written.get(`${file} ${key}`) ?? '';
    return findings.filter((finding) => finding.filename.endsWith(path) && finding.code.includes(rule)).length;
  }

  test.each(FORBIDDEN)('%s may not import %s', (file, specifier) => {
    expect(found('no-restricted-imports', file, specifier)).toBe(1);
  });

  test.each(ALLOWED.filter(([file]) => !NAMED.has(file)))('%s may import %s', (file, specifier) => {
    expect(found('no-restricted-imports', file, specifier)).toBe(0);
  });

  test.each(WORLD)('the agent may not use %s', (use) => {
    expect(found('no-restricted-', 'src/agent/z.ts', use)).toBeGreaterThan(0);
    expect(found('no-restricted-', 'src/adapters/system/z.ts', use)).toBe(0);
  });
});
