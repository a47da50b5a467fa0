import { Spinner } from '@fluentui/react-components';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { BrowserTransport } from '../../../src/client/browser-transport.ts';
import { type Client, createClient } from '../../../src/client/client.ts';
import { GodwitError } from '../../../src/contract/error-body.ts';
import { getSession, type SessionView, SIGNED_IN_MARKER, signOut } from '../../../src/contract/session.ts';
import { useTranslation } from 'react-i18next';
import { keepConnected, transportTo } from '../live/connection.ts';
import { LiveContext } from '../live/live-hooks.ts';
import { LiveStore } from '../live/live-store.ts';
import { ClientContext } from './client-context.ts';
import { SignedInContext } from './session-context.ts';
import { SignInPage } from './sign-in-page.tsx';

/** Shows the page to who is signed in, and the sign-in page to everybody else. */
export function SessionGate({ children }: { readonly children: ReactNode }) {
  const { t } = useTranslation('ui');
  const [session, setSession] = useState(askIfSignedIn);
  const asking = session === 'asking';
  useEffect(() => {
    if (!asking) return;
    const ask = createClient(transportTo(location.origin, () => null)).call(getSession);
    ask.then(setSession, () => setSession(null));
  }, [asking]);
  const end = useCallback(() => setSession(null), []);
  // Another tab may have signed in anew, perhaps as somebody else.
  const askAgain = useCallback(() => setSession(askIfSignedIn), []);
  if (session === 'asking') return <Spinner aria-label={t('loading')} style={{ height: '100vh' }} />;
  if (session === null) return <SignInPage onSignedIn={setSession} />;
  return (
    <SignedInPart key={session.user} session={session} onSession={setSession} onEnd={end} onAskAgain={askAgain}>
      {children}
    </SignedInPart>
  );
}

/** Without the marker nobody has signed in here, and there is nothing to ask. */
function askIfSignedIn(): SessionView | 'asking' | null {
  return document.cookie.includes(`${SIGNED_IN_MARKER}=`) ? 'asking' : null;
}

interface SignedInPartProps {
  readonly session: SessionView;
  readonly onSession: (session: SessionView) => void;
  /** Signed out here. */
  readonly onEnd: () => void;
  /** The session that opened the live channel has ended. */
  readonly onAskAgain: () => void;
  readonly children: ReactNode;
}

function SignedInPart({ session, onSession, onEnd, onAskAgain, children }: SignedInPartProps) {
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
        // The same node again is no change: consoles and uploads go on.
        onServed: (next) => setTransport((before) => (before.origin === next.origin ? before : next)),
        onSession,
        onSignedOut: onAskAgain,
      }),
    [store, onSession, onAskAgain],
  );
  const client = useMemo(
    () => attentive(createClient(transport), () => lookAgain(onSession, onEnd)),
    [transport, onSession, onEnd],
  );
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

/** Who is signed in at the page's own node now; what has been entered on the page stays if it is still the same user. */
function lookAgain(onSession: (session: SessionView) => void, onEnd: () => void): void {
  createClient(transportTo(location.origin, () => null))
    .call(getSession)
    .then(onSession, (error: unknown) => {
      if (error instanceof GodwitError && error.code === 'NOT_SIGNED_IN') onEnd();
    });
}

/** Looks once more when an answer says that the session is not the one this page takes it for. */
function attentive(client: Client, onDoubt: () => void): Client {
  return {
    ...client,
    call: async (...request) => {
      try {
        return await client.call(...request);
      } catch (error) {
        if (error instanceof GodwitError && NOT_THIS_SESSION.includes(error.code)) onDoubt();
        throw error;
      }
    },
  };
}

const NOT_THIS_SESSION: readonly string[] = ['NOT_SIGNED_IN', 'REQUEST_NOT_TRUSTED'];
