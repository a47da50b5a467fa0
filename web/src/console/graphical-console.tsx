import RFB from '@novnc/novnc';
import { makeStyles } from '@fluentui/react-components';
import { type RefObject, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { ConsoleState } from './console-state.ts';
import { useConsoleSocket } from './use-console-socket.ts';

export interface GraphicalControls {
  ctrlAltDel(): void;
}

const useStyles = makeStyles({ screen: { position: 'absolute', inset: 0 } });

/** noVNC. When the VM moves its last picture stays until the new one is there. */
export function GraphicalConsole(props: {
  readonly vm: string;
  readonly onState: (state: ConsoleState) => void;
  readonly controls: RefObject<GraphicalControls | null>;
}) {
  const { vm, onState, controls } = props;
  const styles = useStyles();
  const { t } = useTranslation('consoles');
  const target = useRef<HTMLDivElement>(null);
  const rfb = useRef<RFB | null>(null);
  useConsoleSocket({
    kind: 'vnc',
    vm,
    onState: (state) => {
      // The picture counts as there once noVNC has shaken hands, not when the connection is open.
      if (state.kind !== 'open') onState(state);
    },
    onSocket: (socket) => {
      const place = target.current;
      if (place === null) return;
      const holder = document.createElement('div');
      holder.style.cssText = 'position:absolute;inset:0';
      const next = new RFB(holder, socket, { shared: true });
      next.scaleViewport = true;
      next.background = '#000';
      place.append(holder);
      next.addEventListener('connect', () => {
        for (const old of [...place.children]) if (old !== holder) old.remove();
        onState({ kind: 'open' });
        next.focus();
      });
      next.addEventListener('disconnect', () => {
        if (place.children.length > 1) holder.remove();
      });
      rfb.current = next;
      controls.current = { ctrlAltDel: () => next.sendCtrlAltDel() };
    },
  });
  useEffect(() => () => rfb.current?.disconnect(), []);
  return <div ref={target} className={styles.screen} role="application" aria-label={t('screenOf', { name: vm })} />;
}
