import type { Revision } from '../../model/names.ts';
import type { AnsweredRevision, StoreHistory } from '../../ports/store-history.ts';
import { callMember, type Endpoint, REQUIRE_LEADER } from './endpoint.ts';
import { encodeQuestionForLog } from './etcd-messages.ts';
import type { TxnRequest, TxnResponse } from './generated/rpc.ts';

/** One answer of a member, and the time in which it may be asked once more. */
export interface AnswerToJudge extends AnsweredRevision {
  readonly endpoint: Endpoint;
  readonly remainingMs: () => number;
}

/** Throws where the answer must not be handed on: the store has gone back in time, or this member is behind it. */
export async function believeAnswer(history: StoreHistory, answer: AnswerToJudge): Promise<void> {
  const { endpoint, known, revision, through } = answer;
  const verdict = history.take({ known, revision, through });
  if (verdict === 'believe') return;
  if (verdict === 'ask-again') {
    const knownNow = history.newest();
    const asked = await callMember(answer.remainingMs(), startTransaction(endpoint, encodeQuestionForLog()));
    history.take({ known: knownNow, revision: revisionOf(asked), through: 'log' });
  }
  throw history.goneBack() ?? new Error(`${endpoint.name} has answered with an old state`);
}

/** Throws for an answer that does not say it: nothing may be concluded from that. */
export function revisionOf({ header }: Pick<TxnResponse, 'header'>): Revision {
  if (header === undefined) throw new Error('the answer has no revision');
  return header.revision;
}

export const startTransaction =
  (endpoint: Endpoint, request: TxnRequest): Parameters<typeof callMember<TxnResponse>>[1] =>
  (deadline, done) =>
    endpoint.clients().kv.txn(request, REQUIRE_LEADER, { deadline }, done);
