import { GodwitError, type RestErrorBody } from '../contract/error-body.ts';

/** The error in the answer, with the request's id among its details. */
export function answeredError(status: number, body: unknown): GodwitError {
  if (isErrorBody(body)) {
    const { requestId, ...error } = body;
    return new GodwitError({ ...error, details: { ...error.details, requestId } });
  }
  return new GodwitError({
    code: 'CLUSTER_UNREACHABLE',
    message: `The address answered with HTTP status ${status} and nothing that Godwit says.`,
    state: 'Unknown: whatever answered is not a Godwit agent.',
    nextStep: 'Check the URL of the cluster.',
  });
}

function isErrorBody(body: unknown): body is RestErrorBody {
  if (body === null || typeof body !== 'object') return false;
  const { code, message, state, nextStep } = body as Record<string, unknown>;
  return [code, message, state, nextStep].every((field) => typeof field === 'string');
}
