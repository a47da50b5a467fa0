import type { Translated } from './text.ts';

export const en = {
  title: 'Console',
  runsOn: 'runs on {{node}}',
  graphical: 'Screen',
  serial: 'Serial console',
  ctrlAltDel: 'Ctrl+Alt+Del',
  ctrlAltDelLong: 'Sends Ctrl+Alt+Del to the guest',
  fullScreen: 'Full screen (Esc leaves it)',
  screenOf: 'Screen of {{name}}',
  serialOf: 'Serial console of {{name}}',
  states: {
    connecting: 'Connecting',
    open: 'Connected',
    again: 'Connecting again',
    ended: 'Not connected',
  },
  ends: {
    off: 'The VM is not running. Its screen comes back when it starts.',
    noGraphics: 'The VM has no graphics card. Use the serial console.',
    notFound: 'There is no such VM.',
  },
};

export const de: Translated<typeof en> = {
  title: 'Konsole',
  runsOn: 'läuft auf {{node}}',
  graphical: 'Bildschirm',
  serial: 'Serielle Konsole',
  ctrlAltDel: 'Strg+Alt+Entf',
  ctrlAltDelLong: 'Sendet Strg+Alt+Entf an den Gast',
  fullScreen: 'Vollbild (Esc beendet es)',
  screenOf: 'Bildschirm von {{name}}',
  serialOf: 'Serielle Konsole von {{name}}',
  states: {
    connecting: 'Verbindung wird aufgebaut',
    open: 'Verbunden',
    again: 'Verbindung wird wiederhergestellt',
    ended: 'Nicht verbunden',
  },
  ends: {
    off: 'Die VM läuft nicht. Ihr Bildschirm kommt zurück, wenn sie startet.',
    noGraphics: 'Die VM hat keine Grafikkarte. Nutzen Sie die serielle Konsole.',
    notFound: 'Diese VM gibt es nicht.',
  },
};
