import { mkdirSync, readFileSync } from 'node:fs';
import { appendFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ClusterEvent } from '../../model/events.ts';

/** Events that are not stored yet, one JSON object per line, in order. All writing is done one after the other, in the background. */
export class EventSpool {
  readonly #file: string;
  readonly #onError: (error: unknown) => void;
  #writing: Promise<void> = Promise.resolve();
  #sizeBytes = 0;
  /** The lines that the next write takes along. */
  #gathered: { text: string } | null = null;

  constructor(file: string, onError: (error: unknown) => void) {
    this.#file = file;
    this.#onError = onError;
  }

  /** What earlier agents had not stored; lines that a crash has cut off are left out. Once, before anything is appended. */
  load(): ClusterEvent[] {
    try {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
      const text = readFileSync(this.#file, 'utf8');
      const events = text.split('\n').flatMap(parseLine);
      this.replace(events);
      return events;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#onError(error);
      return [];
    }
  }

  /** Size of the file once all that was handed over is written, in bytes. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  append(event: ClusterEvent): void {
    const line = lineOf(event);
    this.#sizeBytes += Buffer.byteLength(line);
    if (this.#gathered !== null) {
      this.#gathered.text += line;
      return;
    }
    const gathered = { text: line };
    this.#gathered = gathered;
    this.#run(async () => {
      if (this.#gathered === gathered) this.#gathered = null;
      await appendFile(this.#file, gathered.text, { mode: 0o600 });
    });
  }

  /** From now on the file has these events only. */
  replace(events: readonly ClusterEvent[]): void {
    const text = events.map(lineOf).join('');
    this.#sizeBytes = Buffer.byteLength(text);
    this.#gathered = null;
    this.#run(async () => {
      const draft = `${this.#file}.new`;
      await writeFile(draft, text, { mode: 0o600 });
      await rename(draft, this.#file);
    });
  }

  /** When all that was handed over is in the file, or has failed to get there. */
  async written(): Promise<void> {
    await this.#writing;
  }

  #run(work: () => Promise<void>): void {
    this.#writing = this.#writing.then(work).catch(this.#onError);
  }
}

function lineOf(event: ClusterEvent): string {
  return `${JSON.stringify(event)}\n`;
}

function parseLine(line: string): ClusterEvent[] {
  try {
    const event = JSON.parse(line) as Partial<ClusterEvent> | null;
    return typeof event?.id === 'string' && typeof event.kind === 'string' ? [event as ClusterEvent] : [];
  } catch {
    return [];
  }
}
