/** Keeps one live channel open: here, or through another node when this one falls silent. */
import { type BrowserTransport, createBrowserTransport } from '../../../src/client/browser-transport.ts';
import { createClient } from '../../../src/client/client.ts';
import type { LiveConnection } from '../../../src/client/transport.ts';
import { GodwitError } from '../../../src/contract/error-body.ts';
import { type LiveMessage, SIGNED_OUT } from '../../../src/contract/live.ts';
import { getSession, type SessionView } from '../../../src/contract/session.ts';
import type { LiveStore } from './live-store.ts';
import { SilenceWatch } from './silence-watch.ts';

/** After all nodes were tried in vain, and after a connection that did not last. */
const RETRY_MS = 1000;
/** A connection that ended sooner is not opened again at once. */
const LASTING_MS = 2000;
/** Messages wait for the next frame, at most so long. */
const HIDDEN_APPLY_MS = 100;

interface ConnectionOptions {
  readonly store: LiveStore;
  /** As it is now: its list of nodes changes. */
  readonly session: () => SessionView;
  /** Called with the transport of the node that serves from now on. */
  readonly onServed: (transport: BrowserTransport) => void;
  /** It was asked for again, and its list of nodes may be a newer one. */
  readonly onSession: (session: SessionView) => void;
  /** The session has ended: sign in again, or go on with the one that another tab has begun. */
  readonly onSignedOut: () => void;
}

interface Attempt {
  /** Whether it has sent a whole snapshot. */
  readonly served: boolean;
  /** Whether that was long enough ago for another try at once. */
  readonly lasted: boolean;
  /** How many origins there are to try. */
  readonly tried: number;
  readonly transport: BrowserTransport;
}

export function transportTo(origin: string, session: () => SessionView | null): BrowserTransport {
  const own = origin === location.origin;
  return createBrowserTransport({
    origin,
    proof: own
      ? { kind: 'cookie', csrf: () => session()?.csrf ?? null }
      : { kind: 'relay', relay: () => session()?.relay ?? null },
  });
}

/** Where to try, in order: the page's own node, the first address of every node, then their other ones. */
export function originsOf(session: SessionView): string[] {
  const longest = Math.max(0, ...session.nodes.map(({ urls }) => urls.length));
  const others = Array.from({ length: longest }, (_, index) => session.nodes.map(({ urls }) => urls[index])).flat();
  return [...new Set([location.origin, ...others.filter((url) => url !== undefined)])];
}

export function keepConnected(options: ConnectionOptions): () => void {
  const connection = new KeptConnection(options);
  connection.open();
  return () => connection.end();
}

class KeptConnection {
  readonly #options: ConnectionOptions;
  #ended = false;
  #live: LiveConnection | null = null;
  #timer: number | null = null;
  /** Index into the origins. */
  #at = 0;
  #queue: LiveMessage[] = [];

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  open(): void {
    if (this.#ended) return;
    const origins = originsOf(this.#options.session());
    const origin = origins[this.#at % origins.length] ?? location.origin;
    const transport = transportTo(origin, this.#options.session);
    let servedAt: number | null = null;
    let endedHere: string | null = null;
    const leave = (because: string) => {
      endedHere = because;
      live.close();
    };
    const watch = new SilenceWatch(origin, leave);
    const live = createClient(transport).live({
      onMessage: (message) => {
        if (this.#ended) return;
        watch.heard();
        if (servedAt === null && message.type === 'snapshot' && message.part === message.parts) {
          servedAt = performance.now();
          watch.served();
          this.#options.onServed(transport);
        }
        this.#take(message);
      },
      onClose: (reason, code) => {
        watch.end();
        if (this.#ended) return;
        if (code === SIGNED_OUT) return this.#signedOut();
        const lasted = servedAt !== null && performance.now() - servedAt > LASTING_MS;
        this.#again(endedHere ?? reason, { served: servedAt !== null, lasted, tried: origins.length, transport });
      },
    });
    this.#live = live;
  }

  end(): void {
    this.#ended = true;
    if (this.#timer !== null) window.clearTimeout(this.#timer);
    this.#live?.close();
  }

  #signedOut(): void {
    this.end();
    this.#options.onSignedOut();
  }

  /** A node that has served is tried again at once, then the others. */
  #again(reason: string, { served, lasted, tried, transport }: Attempt): void {
    this.#queue = [];
    this.#options.store.lost(reason);
    if (!served) this.#at += 1;
    const allTried = !served && this.#at % tried === 0;
    void this.#askWhy(served ? null : transport).then(() => {
      const wait = allTried || (served && !lasted) ? RETRY_MS : 50;
      if (!this.#ended) this.#timer = window.setTimeout(() => this.open(), wait);
    });
  }

  /** A browser does not say why a WebSocket could not be opened. */
  async #askWhy(transport: BrowserTransport | null): Promise<void> {
    if (transport === null) return;
    try {
      this.#options.onSession(await createClient(transport).call(getSession));
    } catch (error) {
      if (error instanceof GodwitError && error.code === 'NOT_SIGNED_IN' && transport.origin === location.origin) {
        this.#signedOut();
      }
    }
  }

  /** Messages of one frame are one change, so that a busy cluster does not draw the page for each of them. */
  #take(message: LiveMessage): void {
    this.#queue.push(message);
    if (this.#queue.length > 1) return;
    const apply = () => {
      const messages = this.#queue;
      this.#queue = [];
      if (!this.#ended && messages.length > 0) this.#options.store.apply(messages);
    };
    // A page in the background, or one that goes there just now, gets no frames and must not pile up messages.
    requestAnimationFrame(apply);
    window.setTimeout(apply, HIDDEN_APPLY_MS);
  }
}
