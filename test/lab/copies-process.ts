/**
 * Looks at all QEMU processes of a lab, in a process of its own because the tests wait for commands now and then. One argument: the
 * lab. Answers every line of its input with what it has seen since the last one; ends with its input.
 */
import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { labCgroup } from '../../src/lab/cgroups.ts';
import { type Copy, executingPairs, type Look, pairs } from './copies.ts';

const LOOK_EVERY_MS = 25;
/** Long enough for a virtual CPU that waits for a processor. */
const EXECUTION_WINDOW_MS = 200;
const EXITING = 0x4;
const SIGKILL_PENDING = 1n << 8n;

interface Program {
  readonly vm: string;
  readonly incoming: boolean;
}

const root = await labCgroup(process.argv[2] ?? '');
/** By process and start time; null: not a QEMU. */
const programs = new Map<string, Program | null>();

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function directoriesIn(path: string): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

function copiesBelow(path: string, node: string): Copy[] {
  const pids = read(join(path, 'cgroup.procs')).split('\n').filter(Boolean);
  // Read after the processes: whoever is in it then stands still.
  const frozen = pids.length > 0 && read(join(path, 'cgroup.events')).includes('frozen 1');
  const own = pids.flatMap((pid) => copyOf(pid, { node, frozen }));
  return [...own, ...directoriesIn(path).flatMap((name) => copiesBelow(join(path, name), node))];
}

function copyOf(pid: string, { node, frozen }: { node: string; frozen: boolean }): Copy[] {
  const stat = read(`/proc/${pid}/stat`);
  // The name in parentheses may contain anything; the fields after it are counted from the third.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const id = `${pid}@${fields[19]}`;
  let program = programs.get(id);
  if (program === undefined) {
    program = programOf(pid);
    // Before it has become QEMU it is something else.
    if (program !== null) programs.set(id, program);
  }
  if (program === null) return [];
  const ends = (Number(fields[6]) & EXITING) !== 0 || 'ZX'.includes(fields[0] ?? 'X') || isKilled(pid);
  const facts = { node, id, startedAt: Number(fields[19]), stopped: frozen || ends };
  return [{ ...facts, ...program, executedNs: executedNs(pid) }];
}

function programOf(pid: string): Program | null {
  const words = read(`/proc/${pid}/cmdline`).split('\0');
  const vm = /^guest=([^,]+)/.exec(words[words.indexOf('-name') + 1] ?? '')?.[1];
  if (vm === undefined || !(words[0] ?? '').includes('qemu-system')) return null;
  return { vm, incoming: words.includes('-incoming') };
}

function isKilled(pid: string): boolean {
  const pending = [...read(`/proc/${pid}/status`).matchAll(/^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)$/gm)];
  return pending.some(([, mask]) => (BigInt(`0x${mask}`) & SIGKILL_PENDING) !== 0n);
}

const virtualCpus = new Map<string, string[]>();

function executedNs(pid: string): number {
  let threads = virtualCpus.get(pid) ?? [];
  if (threads.length === 0) {
    threads = directoriesIn(`/proc/${pid}/task`).filter((thread) =>
      read(`/proc/${pid}/task/${thread}/comm`).startsWith('CPU '),
    );
    virtualCpus.set(pid, threads);
  }
  return threads.reduce(
    (total, thread) => total + Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]),
    0,
  );
}

function lookNow(): Look {
  const nodes = directoriesIn(root).filter((name) => /^node[1-9]$/.test(name));
  const copies = nodes.flatMap((node) => copiesBelow(join(root, node), node));
  return { atMs: performance.now(), copies };
}

let seen = new Set<string>();
let looks = 0;
let longestMs = 0;
let before = lookNow();
let windowStart = before;
let executing: readonly string[] = [];

setInterval(() => {
  const now = lookNow();
  looks += 1;
  longestMs = Math.max(longestMs, now.atMs - before.atMs);
  for (const pair of pairs(before, now)) seen.add(`two copies: ${pair}`);
  before = now;
  if (now.atMs - windowStart.atMs < EXECUTION_WINDOW_MS) return;
  const both = executingPairs(windowStart, now);
  // At the switchover of a migration one and then the other execute within one window.
  for (const pair of both.filter((one) => executing.includes(one))) seen.add(`both execute: ${pair}`);
  executing = both;
  windowStart = now;
}, LOOK_EVERY_MS);

const input = createInterface({ input: process.stdin });
input.on('line', () => {
  console.log(JSON.stringify({ seen: [...seen], looks, longestMs: Math.round(longestMs) }));
  seen = new Set();
  looks = 0;
  longestMs = 0;
});
input.on('close', () => process.exit(0));
