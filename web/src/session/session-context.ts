import { createContext, useContext } from 'react';
import type { BrowserTransport } from '../../../src/client/browser-transport.ts';
import type { SessionView } from '../../../src/contract/session.ts';

export interface SignedIn {
  readonly session: SessionView;
  /** To the node that serves now: for uploads and consoles. */
  readonly transport: BrowserTransport;
  readonly signOut: () => void;
}

export const SignedInContext = createContext<SignedIn | null>(null);

export function useSignedIn(): SignedIn {
  const signedIn = useContext(SignedInContext);
  if (signedIn === null) throw new Error('Nobody is signed in here.');
  return signedIn;
}
