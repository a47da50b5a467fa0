import type { Revision } from '../model/names.ts';

/** Revisions are decimal texts of 64-bit integers, without leading zeros. */
export function isNewer(revision: Revision, than: Revision): boolean {
  return revision.length === than.length ? revision > than : revision.length > than.length;
}
