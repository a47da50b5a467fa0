import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify';
import { ERROR_CODES, type ErrorBody, GodwitError, NOTHING_CHANGED, toErrorBody } from '../model/errors.ts';
import type { Log } from '../ports/log.ts';
import { invalid } from './invalid-input.ts';
import { describeSchemaErrors, type RequestPart } from './schema-errors.ts';

const CORRECT = 'Correct the request; /api/v1/openapi.json describes it.';

/** The one place where errors become HTTP answers: {@link ERROR_CODES} has the status of each code. */
export function answerErrors(app: FastifyInstance, log: Log): void {
  app.setErrorHandler((error, request, reply) => {
    const body = asErrorBody(error, request);
    const fields = { requestId: request.id, method: request.method, path: request.url, code: body.code };
    if (body.code === 'INTERNAL') log.error('A request failed with an unforeseen error', { ...fields, error });
    else log.info('A request was refused or failed', { ...fields, reason: body.message });
    return reply.code(ERROR_CODES[body.code].httpStatus).send({ ...body, requestId: request.id });
  });
  app.setNotFoundHandler((request) => {
    throw new GodwitError({
      code: 'NOT_FOUND',
      message: `There is no ${request.method} ${request.url.split('?')[0]}.`,
      state: NOTHING_CHANGED,
      nextStep: 'See /api/v1/openapi.json for what there is.',
    });
  });
}

function asErrorBody(error: unknown, request: FastifyRequest): ErrorBody {
  if (error instanceof GodwitError) return error.toBody();
  const { statusCode, message, validation, validationContext } = error as FastifyError;
  if (statusCode === undefined || statusCode >= 500) return toErrorBody(error);
  if (validation !== undefined) {
    const part: RequestPart = validationContext ?? 'body';
    const given = { ...{ body: request.body, querystring: request.query, params: request.params }, headers: {} };
    return invalid(describeSchemaErrors(validation, part, given[part]), CORRECT).toBody();
  }
  // Fastify's own refusals: JSON that is none, a body that is too large.
  return invalid(`The request is not valid: ${message.replace(/\.$/, '')}.`, CORRECT).toBody();
}
