import '@xterm/xterm/css/xterm.css';
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import { makeStyles } from '@fluentui/react-components';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { CONSOLE_MESSAGE_MAX_BYTES } from '../../../src/contract/console.ts';
import type { ConsoleState } from './console-state.ts';
import { useConsoleSocket } from './use-console-socket.ts';

const useStyles = makeStyles({ screen: { position: 'absolute', inset: '6px' } });

/** What the guest's first serial port says, and the keyboard for it. */
export function SerialConsole(props: { readonly vm: string; readonly onState: (state: ConsoleState) => void }) {
  const { vm, onState } = props;
  const styles = useStyles();
  const { t } = useTranslation('consoles');
  const target = useRef<HTMLDivElement>(null);
  const terminal = useRef<Terminal | null>(null);
  const socket = useRef<WebSocket | null>(null);
  useEffect(() => {
    const place = target.current;
    if (place === null) return;
    const made = new Terminal({ fontSize: 14, scrollback: 5000, convertEol: false, screenReaderMode: true });
    const fit = new FitAddon();
    made.loadAddon(fit);
    made.open(place);
    fit.fit();
    made.focus();
    const typing = made.onData((text) => send(socket.current, text));
    const resized = new ResizeObserver(() => fit.fit());
    resized.observe(place);
    terminal.current = made;
    return () => {
      resized.disconnect();
      typing.dispose();
      made.dispose();
    };
  }, []);
  useConsoleSocket({
    kind: 'serial',
    vm,
    onState,
    onSocket: (next, again) => {
      socket.current = next;
      // The server begins with the last lines, which are on the screen already.
      if (again) next.addEventListener('open', () => terminal.current?.reset(), { once: true });
      next.addEventListener('message', ({ data }) => {
        terminal.current?.write(new Uint8Array(data as ArrayBuffer));
      });
    },
  });
  return <div ref={target} className={styles.screen} role="application" aria-label={t('serialOf', { name: vm })} />;
}

function send(socket: WebSocket | null, text: string): void {
  if (socket?.readyState !== WebSocket.OPEN) return;
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += CONSOLE_MESSAGE_MAX_BYTES) {
    socket.send(bytes.subarray(at, at + CONSOLE_MESSAGE_MAX_BYTES));
  }
}
