import type { FastifyError, FastifyInstance } from 'fastify';
import { ERROR_CODES, type ErrorBody, GodwitError, NOTHING_CHANGED, toErrorBody } from '../model/errors.ts';
import type { Log } from '../ports/log.ts';

/** The one place where errors become HTTP answers: {@link ERROR_CODES} has the status of each code. */
export function answerErrors(app: FastifyInstance, log: Log): void {
  app.setErrorHandler((error, request, reply) => {
    const body = asErrorBody(error);
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

function asErrorBody(error: unknown): ErrorBody {
  if (error instanceof GodwitError) return error.toBody();
  const { statusCode, message } = error as FastifyError;
  if (statusCode === undefined || statusCode >= 500) return toErrorBody(error);
  // Fastify's own refusals: the schemas, JSON that is none, a body that is too large.
  return {
    code: 'INVALID_INPUT',
    message: `The request is not valid: ${message}.`,
    state: NOTHING_CHANGED,
    nextStep: 'Correct the request; /api/v1/openapi.json describes it.',
  };
}

interface SchemaError {
  readonly instancePath?: string;
  readonly message?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** Names what a schema refuses: "body/cpus must be integer; body must not have the field "memry"". */
export function describeSchemaErrors(errors: readonly SchemaError[], httpPart: string): Error {
  const texts = errors.map(({ instancePath = '', message = 'is not valid', params }) => {
    const extra = params?.['additionalProperties'];
    if (Array.isArray(extra)) return `${httpPart}${instancePath} must not have the field "${extra.join('", "')}"`;
    return `${httpPart}${instancePath} ${message}`;
  });
  return new Error([...new Set(texts)].join('; '));
}
