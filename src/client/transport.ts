/** A way to reach one cluster. Node.js and the browser each have their own. */
export interface Transport {
  /**
   * Sends one request; `path` begins with "/". Throws GodwitError CLUSTER_UNREACHABLE if no answer came,
   * whatever the reason; an answer with an error status is an answer. `body` undefined: parsed as nothing.
   */
  request(request: TransportRequest): Promise<TransportAnswer>;
  /** Opens the live channel at `path`. `onClose` is called once, also if it never opened. */
  openLive(path: string, listener: LiveListener): LiveConnection;
}

export interface TransportRequest {
  readonly method: string;
  readonly path: string;
  /** Sent as JSON; undefined for none. */
  readonly body: unknown;
}

export interface TransportAnswer {
  readonly status: number;
  /** Parsed JSON; undefined if the answer was empty or no JSON. */
  readonly body: unknown;
}

export interface LiveListener {
  onMessage(text: string): void;
  /** The reason in plain words, and the WebSocket's close code where there was one. */
  onClose(reason: string, code?: number): void;
}

export interface LiveConnection {
  close(): void;
}
