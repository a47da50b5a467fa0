import { Spinner } from '@fluentui/react-components';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { BrowserTransport } from '../../../src/client/browser-transport.ts';
import { createClient } from '../../../src/client/client.ts';
import { getSession, type SessionView, SIGNED_IN_MARKER, signOut } from '../../../src/contract/session.ts';
import { keepConnected, transportTo } from '../live/connection.ts';
import { LiveContext } from '../live/live-hooks.ts';
import { LiveStore } from '../live/live-store.ts';
import { ClientContext } from './client-context.ts';
import { SignedInContext } from './session-context.ts';
import { SignInPage } from './sign-in-page.tsx';

/** Shows the page to who is signed in, and the sign-in page to everybody else. */
export function SessionGate({ children }: { readonly children: ReactNode }) {
  const [session, setSession] = useState<SessionView | 'asking' | null>(() =>
    // Without the marker nobody has signed in here, and there is nothing to ask.
    document.cookie.includes(`${SIGNED_IN_MARKER}=`) ? 'asking' : null,
  );
  const asking = session === 'asking';
  useEffect(() => {
    if (!asking) return;
    const ask = createClient(transportTo(location.origin, () => null)).call(getSession);
    ask.then(setSession, () => setSession(null));
  }, [asking]);
  const end = useCallback(() => setSession(null), []);
  if (session === 'asking') return <Spinner style={{ height: '100vh' }} />;
  if (session === null) return <SignInPage onSignedIn={setSession} />;
  return (
    <SignedInPart session={session} onSession={setSession} onEnd={end}>
      {children}
    </SignedInPart>
  );
}

interface SignedInPartProps {
  readonly session: SessionView;
  readonly onSession: (session: SessionView) => void;
  readonly onEnd: () => void;
  readonly children: ReactNode;
}

function SignedInPart({ session, onSession, onEnd, children }: SignedInPartProps) {
  const newest = useRef(session);
  useEffect(() => {
    newest.current = session;
  }, [session]);
  const [store] = useState(() => new LiveStore());
  const [queries] = useState(
    () => new QueryClient({ defaultOptions: { queries: { retry: 1, staleTime: 2000, refetchOnWindowFocus: false } } }),
  );
  const [transport, setTransport] = useState<BrowserTransport>(() =>
    transportTo(location.origin, () => newest.current),
  );
  useEffect(
    () =>
      keepConnected({
        store,
        session: () => newest.current,
        onServed: setTransport,
        onSession,
        onSignedOut: onEnd,
      }),
    [store, onSession, onEnd],
  );
  const client = useMemo(() => createClient(transport), [transport]);
  const signedIn = useMemo(
    () => ({
      session,
      transport,
      // Signed out here in any case; a node that cannot be reached forgets the session when it ends by itself.
      signOut: () => void client.call(signOut).finally(onEnd),
    }),
    [session, transport, client, onEnd],
  );
  return (
    <QueryClientProvider client={queries}>
      <LiveContext value={store}>
        <ClientContext value={client}>
          <SignedInContext value={signedIn}>{children}</SignedInContext>
        </ClientContext>
      </LiveContext>
    </QueryClientProvider>
  );
}
