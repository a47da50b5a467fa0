// Which terms the newest committed heartbeat may have. A heartbeat without an answer may be committed at any later time, also after
// newer ones, until the fencing token changes: the token is what it compares.
import type { TakeoverTerms } from '../model/authority.ts';
import type { Revision } from '../model/names.ts';
import type { AuthorityState, Doubt, SentHeartbeat } from './authority-state.ts';
import { sameTerms } from './quorum.ts';
import { isNewer } from './revision.ts';

/** Null: not known. */
export function candidates(state: AuthorityState): readonly TakeoverTerms[] | null {
  const { doubt, sent } = state;
  if (doubt.unknown !== null) return null;
  const found: TakeoverTerms[] = [];
  for (const { terms } of doubt.committed) addTerms(found, terms);
  for (const { terms } of doubt.abandoned) addTerms(found, terms);
  for (const { terms } of sent) addTerms(found, terms);
  return found;
}

/** Whether nobody takes this node over without proof, whatever has become of its heartbeats. */
export function nobodyVotes(state: AuthorityState): boolean {
  const { doubt, sent } = state;
  const never = ({ terms }: { readonly terms: TakeoverTerms }) => terms.takeoverMs === null;
  return doubt.unknown === null && doubt.committed.every(never) && doubt.abandoned.every(never) && sent.every(never);
}

/** After `heartbeat` was acknowledged; what else was sent stays in doubt. */
export function doubtAfterAck(doubt: Doubt, heartbeat: SentHeartbeat, nextSequence: number): Doubt {
  const { terms, sequence, token } = heartbeat;
  const only = doubt.committed.length === 1 ? doubt.committed[0] : undefined;
  const rest =
    only !== undefined && sameTerms(only.terms, terms)
      ? []
      : doubt.committed.filter((other) => other.sinceSequence > sequence && !sameTerms(other.terms, terms));
  // What compares another token than this heartbeat did can no longer follow it.
  const stays = ({ token: other }: { readonly token: Revision | null }) => other === null || !isNewer(token, other);
  return {
    committed: [...rest, { terms, sinceSequence: nextSequence }],
    abandoned: doubt.abandoned.every(stays) ? doubt.abandoned : doubt.abandoned.filter(stays),
    unknown: doubt.unknown !== null && stays(doubt.unknown) ? doubt.unknown : null,
  };
}

/** `heartbeat` is too old to give authority, but may still be committed. */
export function doubtAfterGivingUp(doubt: Doubt, { terms, token }: SentHeartbeat): Doubt {
  const known = doubt.abandoned.some((other) => other.token === token && sameTerms(other.terms, terms));
  return known ? doubt : { ...doubt, abandoned: [...doubt.abandoned, { terms, token }] };
}

/** What earlier agents sent was sent under this token or older ones. */
export function doubtUnder(doubt: Doubt, firstToken: Revision): Doubt {
  if (doubt.unknown?.token !== null && doubt.abandoned.every(({ token }) => token !== null)) return doubt;
  return {
    ...doubt,
    abandoned: doubt.abandoned.map((other) => (other.token === null ? { ...other, token: firstToken } : other)),
    unknown: doubt.unknown === null ? null : { token: doubt.unknown.token ?? firstToken },
  };
}

/** Whether only a new fencing token can end the doubt about terms other than `current`. */
export function needsNewToken(state: AuthorityState, current: TakeoverTerms): boolean {
  const { doubt, token } = state;
  if (doubt.unknown !== null) return doubt.unknown.token === token;
  return doubt.abandoned.some((other) => other.token === token && !sameTerms(other.terms, current));
}

export function addTerms(list: TakeoverTerms[], terms: TakeoverTerms): void {
  if (!list.some((other) => sameTerms(other, terms))) list.push(terms);
}

export function includesTerms(list: readonly TakeoverTerms[], terms: TakeoverTerms): boolean {
  return list.some((other) => sameTerms(other, terms));
}
