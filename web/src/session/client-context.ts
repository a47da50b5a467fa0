import { createContext, useContext } from 'react';
import type { Client } from '../../../src/client/client.ts';

export const ClientContext = createContext<Client | null>(null);

/** The typed client of the cluster, signed in. */
export function useClient(): Client {
  const client = useContext(ClientContext);
  if (client === null) throw new Error('There is no client outside of the signed-in part of the page.');
  return client;
}
