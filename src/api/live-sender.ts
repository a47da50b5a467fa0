import { LIVE_TOO_SLOW } from '../contract/live.ts';
import type { Said } from './shown-texts.ts';

/** So much is handed to the connection ahead of what it has sent. */
const AHEAD_BYTES = 1024 * 1024;
/** One who has to hear of more objects than this is better off with a new snapshot. */
const WAITING_MAX = 50_000;

/** What is needed of a WebSocket. */
interface Socket {
  readonly bufferedAmount: number;
  send(text: string, sent: () => void): void;
  close(code: number, reason: string): void;
}

/** Sends to one client as fast as it reads. What waits is kept by object, and only the newest about each: a slow client hears less often. */
export class LiveSender {
  readonly #socket: Socket;
  readonly #waiting = new Map<string, string>();
  #sent = 0;
  #sentAtLastLook = -1;
  #ended = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  say(said: readonly Said[]): void {
    if (this.#ended) return;
    for (const { object, text } of said) this.#waiting.set(object, text);
    this.#send();
    if (this.#waiting.size > WAITING_MAX) this.#giveUp();
  }

  /** Called now and then: one who has read nothing since the last time while something waited is cut off. */
  look(): void {
    if (this.#waiting.size > 0 && this.#sent === this.#sentAtLastLook) this.#giveUp();
    this.#sentAtLastLook = this.#sent;
  }

  end(): void {
    this.#ended = true;
    this.#waiting.clear();
  }

  #send(): void {
    while (!this.#ended && this.#socket.bufferedAmount < AHEAD_BYTES) {
      const next = this.#waiting.entries().next();
      if (next.done === true) return;
      const [object, text] = next.value;
      this.#waiting.delete(object);
      this.#socket.send(text, () => {
        this.#sent += 1;
        this.#send();
      });
    }
  }

  #giveUp(): void {
    this.end();
    this.#socket.close(LIVE_TOO_SLOW, 'reads too slowly');
  }
}
