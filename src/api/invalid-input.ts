import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';

/** What a request asks for is not possible. */
export function invalid(message: string, nextStep: string): GodwitError {
  return new GodwitError({ code: 'INVALID_INPUT', message, state: NOTHING_CHANGED, nextStep });
}
