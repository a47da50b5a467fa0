/** A node that accepts the connection and then says nothing is left; each part of a long snapshot counts. */
const SNAPSHOT_PATIENCE_MS = 6000;
/** So often is looked whether the node still speaks. A browser hears nothing of WebSocket pings, nor of a node that lost its power. */
const LISTEN_EVERY_MS = 2000;
/** After so long a silence the node is asked whether it is there. */
const SILENCE_MS = 4000;
/** In which it must answer then. */
const ANSWER_MS = 4000;

/** Leaves a node that has fallen silent without closing the connection: it must not pass for one where nothing happens. */
export class SilenceWatch {
  readonly #origin: string;
  readonly #leave: (because: string) => void;
  readonly #timer: number;
  #heardAt = performance.now();
  #served = false;
  #asking = false;
  #ended = false;

  constructor(origin: string, leave: (because: string) => void) {
    this.#origin = origin;
    this.#leave = leave;
    this.#timer = window.setInterval(() => this.#look(), LISTEN_EVERY_MS);
  }

  heard(): void {
    this.#heardAt = performance.now();
  }

  served(): void {
    this.#served = true;
  }

  end(): void {
    this.#ended = true;
    window.clearInterval(this.#timer);
  }

  #look(): void {
    const silentMs = performance.now() - this.#heardAt;
    if (!this.#served) {
      if (silentMs > SNAPSHOT_PATIENCE_MS) this.#leave('it accepted the connection and then said nothing');
    } else if (silentMs > SILENCE_MS && !this.#asking) void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    const askedAt = performance.now();
    const answers = await this.#answers();
    this.#asking = false;
    if (this.#ended || this.#heardAt > askedAt) return;
    if (answers) this.heard();
    else this.#leave('it has fallen silent');
  }

  /** Something small that needs no session: to be asked is no use of it. */
  async #answers(): Promise<boolean> {
    try {
      const answer = await fetch(new URL('/godwit.svg', this.#origin), {
        ...{ credentials: 'omit', cache: 'no-store' },
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      return answer.ok;
    } catch {
      return false;
    }
  }
}
