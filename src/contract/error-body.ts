import { type Static, Type } from 'typebox';
import { ERROR_CODES, type ErrorCode } from '../model/errors.ts';

export { type ErrorBody, type ErrorCode, GodwitError, NOTHING_CHANGED } from '../model/errors.ts';

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];

/** What every refusal and failure looks like over REST: the model's ErrorBody and the id to find it in the log. */
export const errorBodySchema = Type.Object({
  code: Type.Enum(CODES, { type: 'string', description: 'Stable; see docs/errors.md' }),
  message: Type.String({ description: 'What happened' }),
  state: Type.String({ description: 'In which state things are now' }),
  nextStep: Type.String({ description: 'What to do next' }),
  details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  requestId: Type.String({ description: "Finds this request in the agent's log" }),
});

export type RestErrorBody = Static<typeof errorBodySchema>;
