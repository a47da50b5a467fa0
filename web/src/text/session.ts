import type { Translated } from './text.ts';

export const en = {
  intro: 'Sign in to the cluster through {{host}}.',
  where: 'The account was made with the cluster. A lab prints its own with `godwit lab status`.',
  user: 'User',
  password: 'Password',
  signIn: 'Sign in',
  wrong: 'The user or the password is wrong.',
  tooMany: 'There were too many wrong sign-ins. Try again in {{seconds}} seconds.',
  failedOtherwise: 'Signing in failed: {{reason}}',
};

export const de: Translated<typeof en> = {
  intro: 'Melden Sie sich über {{host}} am Cluster an.',
  where: 'Das Konto wurde mit dem Cluster angelegt. Ein Lab zeigt seines mit `godwit lab status`.',
  user: 'Benutzer',
  password: 'Kennwort',
  signIn: 'Anmelden',
  wrong: 'Benutzer oder Kennwort ist falsch.',
  tooMany: 'Zu viele falsche Anmeldungen. Versuchen Sie es in {{seconds}} Sekunden wieder.',
  failedOtherwise: 'Die Anmeldung ist fehlgeschlagen: {{reason}}',
};
