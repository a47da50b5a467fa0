import { useEffect, useRef } from 'react';
import { type ConsoleKind, consolePath } from '../../../src/contract/console.ts';
import { useSignedIn } from '../session/session-context.ts';
import { afterClose, type ConsoleState } from './console-state.ts';

interface Options {
  readonly kind: ConsoleKind;
  readonly vm: string;
  readonly onState: (state: ConsoleState) => void;
  /** Called for each new connection, before it is open; `again`: it is not the first one. */
  readonly onSocket: (socket: WebSocket, again: boolean) => void;
}

/** A console's connection to the node that serves the page now; opened again when the VM moves, or when another node serves. */
export function useConsoleSocket({ kind, vm, onState, onSocket }: Options): void {
  const { transport } = useSignedIn();
  const callbacks = useRef({ onState, onSocket });
  useEffect(() => {
    callbacks.current = { onState, onSocket };
  });
  const opened = useRef(0);
  useEffect(() => {
    let ended = false;
    let timer = 0;
    let socket: WebSocket | null = null;
    const again = (retryMs: number | null) => {
      if (!ended && retryMs !== null) timer = window.setTimeout(() => void open(), retryMs);
    };
    const open = async () => {
      try {
        socket = await transport.openSocket(consolePath(kind, vm));
      } catch {
        callbacks.current.onState({ kind: 'again' });
        return again(1000);
      }
      if (ended) return socket.close();
      socket.binaryType = 'arraybuffer';
      const current = socket;
      current.addEventListener('open', () => !ended && callbacks.current.onState({ kind: 'open' }));
      current.addEventListener('close', ({ code }) => {
        if (ended) return;
        const { state, retryMs } = afterClose(code);
        callbacks.current.onState(state);
        again(retryMs);
      });
      callbacks.current.onSocket(current, opened.current > 0);
      opened.current += 1;
    };
    void open();
    return () => {
      ended = true;
      window.clearTimeout(timer);
      socket?.close();
    };
  }, [transport, kind, vm]);
}
