import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import {
  bootId,
  findProcess,
  isAlive,
  killAndWait,
  type ProcessIdentity,
  readLastLines,
  spawnDetached,
} from '../processes/detached-process.ts';
import { type EtcdServerOptions, etcdArguments } from './etcd-command.ts';
import { etcdLastWords } from './etcd-last-words.ts';

/** This node's own member of the store. It outlives the agent: the next agent adopts it. */
export interface EtcdServer {
  /** True if the process was already running when this agent started. */
  readonly adopted: boolean;
  /** The process now; undefined while it is down. */
  process(): ProcessIdentity | undefined;
  /** Stops looking after the process and lets it run: for the end of the agent. */
  leave(): void;
  /** Ends the process. */
  stop(): Promise<void>;
}

export interface EtcdServerListener {
  /** The process has ended by itself, and is started again. With its own words on why; null if it said nothing. */
  readonly onEnd?: (words: string | null) => void;
}

const CHECK_EVERY_MS = 500;
/** A panic leaves its trace behind its reason. */
const LAST_LINES = 100;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5000;
/** After a life this long the pauses begin again with the first. */
const STABLE_AFTER_MS = 30_000;
const TERMINATE_MS = 5000;
const KILL_MS = 2000;

/**
 * Adopts the member that already runs or starts it, and from then on starts it again whenever it has ended.
 * Does not wait until it answers: with the other members down it cannot.
 */
export async function startEtcdServer(
  options: EtcdServerOptions & EtcdServerListener,
  clock: Clock,
  log: Log,
): Promise<EtcdServer> {
  mkdirSync(options.dataDirectory, { recursive: true, mode: 0o700 });
  mkdirSync(options.runtimeDirectory, { recursive: true });
  mkdirSync(dirname(options.logFile), { recursive: true });

  let running = findRunning(options);
  const adopted = running !== undefined;
  if (running === undefined) running = await start(options);
  // Also after adopting: the process may have been found without a note.
  writeNote(options, running);
  log.info(adopted ? 'Adopted the running member of the store' : 'Started the member of the store', {
    pid: running.pid,
  });

  let startedAtMs = clock.monotonicMs();
  let pauseMs = FIRST_PAUSE_MS;
  let cancelRestart: (() => void) | undefined;
  let starting: Promise<void> | undefined;
  let left = false;

  const restart = async () => {
    cancelRestart = undefined;
    try {
      running = await start(options);
      writeNote(options, running);
      startedAtMs = clock.monotonicMs();
      log.info('Started the member of the store again', { pid: running.pid });
    } catch (error) {
      log.error('The member of the store could not be started', { error, binary: options.binary });
      scheduleRestart();
    }
  };

  function scheduleRestart(): void {
    if (left) return;
    cancelRestart = clock.after(pauseMs, () => {
      starting = restart();
    });
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }

  const stopChecking = clock.every(CHECK_EVERY_MS, () => {
    if (running === undefined || isAlive(running)) return;
    const livedMs = clock.monotonicMs() - startedAtMs;
    if (livedMs >= STABLE_AFTER_MS) pauseMs = FIRST_PAUSE_MS;
    log.warn('The member of the store has ended', {
      pid: running.pid,
      livedMs: Math.round(livedMs),
      lastLines: readLastLines(options.logFile, 5),
    });
    running = undefined;
    tellEnd(options, clock.wallMs());
    scheduleRestart();
  });

  const leave = () => {
    left = true;
    stopChecking();
    cancelRestart?.();
  };
  return {
    adopted,
    process: () => (running !== undefined && isAlive(running) ? running : undefined),
    leave,
    async stop() {
      leave();
      await starting;
      if (running === undefined) return;
      if (await killAndWait(running, 'SIGTERM', TERMINATE_MS)) return;
      await killAndWait(running, 'SIGKILL', KILL_MS);
    },
  };
}

function tellEnd({ logFile, onEnd }: EtcdServerOptions & EtcdServerListener, nowMs: number): void {
  const { words, removed } = etcdLastWords(readLastLines(logFile, LAST_LINES), nowMs);
  if (!removed) onEnd?.(words);
}

function start(options: EtcdServerOptions): Promise<ProcessIdentity> {
  return spawnDetached({
    command: options.binary,
    args: etcdArguments(options),
    logFile: options.logFile,
    cwd: options.dataDirectory,
    // etcd also takes its settings from ETCD_… variables; it gets none.
    env: { PATH: '/usr/bin:/bin' },
  });
}

interface Note extends ProcessIdentity {
  readonly bootId: string;
}

function noteFile(options: EtcdServerOptions): string {
  return join(options.runtimeDirectory, 'etcd.json');
}

function writeNote(options: EtcdServerOptions, identity: ProcessIdentity): void {
  const note: Note = { ...identity, bootId: bootId() };
  const file = noteFile(options);
  writeFileSync(`${file}.new`, `${JSON.stringify(note)}\n`);
  renameSync(`${file}.new`, file);
}

function findRunning(options: EtcdServerOptions): ProcessIdentity | undefined {
  const note = readNote(noteFile(options));
  if (note !== undefined && note.bootId === bootId() && isAlive(note)) {
    return { pid: note.pid, startTime: note.startTime };
  }
  const dataDirectory = `--data-dir=${options.dataDirectory}`;
  return findProcess(([program, ...rest]) => program === options.binary && rest.includes(dataDirectory));
}

function readNote(file: string): Note | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Note;
  } catch {
    // There is none yet, or it was damaged; the process is then looked for by its command line.
    return undefined;
  }
}
