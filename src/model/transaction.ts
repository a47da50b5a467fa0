import type { Revision } from './names.ts';

/** True if the key's mod revision equals the given one; "0" means that the key is absent. */
export interface Compare {
  readonly key: string;
  readonly modRevision: Revision;
}

export type Write = { readonly put: string; readonly value: unknown } | { readonly delete: string };

/** All compares hold, or nothing is written. The database takes at most 128 compares and 128 writes. */
export interface Transaction {
  readonly compare: readonly Compare[];
  readonly write: readonly Write[];
}
