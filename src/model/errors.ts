/**
 * The one error shape of Godwit. Every refusal and every failure that reaches a user is a
 * {@link GodwitError}: a stable code, what happened, in which state things are now, what to do next.
 *
 * Codes are never renamed or reused; `docs/errors.md` has one heading for each (checked by a test).
 */
export const ERROR_CODES = {
  // Bad requests
  INVALID_INPUT: { httpStatus: 400 },
  NAME_MALFORMED: { httpStatus: 400 },
  NOT_SIGNED_IN: { httpStatus: 401 },
  SIGN_IN_FAILED: { httpStatus: 401 },
  TOO_MANY_SIGN_INS: { httpStatus: 429 },
  REQUEST_NOT_TRUSTED: { httpStatus: 403 },
  NOT_FOUND: { httpStatus: 404 },
  VM_NOT_FOUND: { httpStatus: 404 },
  NODE_NOT_FOUND: { httpStatus: 404 },
  MIGRATION_NOT_FOUND: { httpStatus: 404 },
  IMAGE_NOT_FOUND: { httpStatus: 404 },
  VM_EXISTS: { httpStatus: 409 },
  // The state of things does not allow it
  VM_STATE_UNSUITABLE: { httpStatus: 409 },
  VM_MIGRATING: { httpStatus: 409 },
  NODE_STATE_UNSUITABLE: { httpStatus: 409 },
  DRAIN_BLOCKED: { httpStatus: 409 },
  FENCING_NOT_CONFIGURED: { httpStatus: 409 },
  FENCING_FAILED: { httpStatus: 409 },
  NO_MIGRATION_RUNNING: { httpStatus: 409 },
  CONCURRENT_CHANGE: { httpStatus: 409 },
  NOT_ENOUGH_MEMORY: { httpStatus: 409 },
  NOT_ENOUGH_DISK_SPACE: { httpStatus: 409 },
  DISK_EXISTS: { httpStatus: 409 },
  IMAGE_EXISTS: { httpStatus: 409 },
  IMAGE_IN_USE: { httpStatus: 409 },
  IMAGE_SOURCE_REFUSED: { httpStatus: 403 },
  PLACEMENT_NOT_POSSIBLE: { httpStatus: 409 },
  MIGRATION_NOT_POSSIBLE: { httpStatus: 409 },
  MODE_NOT_SUPPORTED: { httpStatus: 409 },
  // Who belongs to the cluster
  JOIN_TOKEN_INVALID: { httpStatus: 403 },
  JOIN_TOKEN_EXPIRED: { httpStatus: 403 },
  JOIN_CA_UNKNOWN: { httpStatus: 403 },
  JOIN_ALREADY_MEMBER: { httpStatus: 409 },
  JOIN_NAME_TAKEN: { httpStatus: 409 },
  JOIN_ADDRESS_TAKEN: { httpStatus: 409 },
  JOIN_VERSION_UNSUITABLE: { httpStatus: 409 },
  JOIN_CLOCK_WRONG: { httpStatus: 409 },
  EVICTION_REFUSED: { httpStatus: 409 },
  NODE_EVICTED: { httpStatus: 403 },
  // Something broke
  MIGRATION_FAILED: { httpStatus: 500 },
  MIGRATION_CANCELLED: { httpStatus: 409 },
  MIGRATION_DID_NOT_CONVERGE: { httpStatus: 409 },
  VM_START_FAILED: { httpStatus: 500 },
  GUEST_DID_NOT_SHUT_DOWN: { httpStatus: 409 },
  STORE_UNAVAILABLE: { httpStatus: 503 },
  STORE_OUTCOME_UNKNOWN: { httpStatus: 503 },
  NODE_UNREACHABLE: { httpStatus: 503 },
  CLUSTER_UNREACHABLE: { httpStatus: 503 },
  HYPERVISOR_FAILED: { httpStatus: 500 },
  NETWORK_FAILED: { httpStatus: 500 },
  DISK_FAILED: { httpStatus: 500 },
  IMAGE_DOWNLOAD_FAILED: { httpStatus: 502 },
  TIMED_OUT: { httpStatus: 504 },
  INTERNAL: { httpStatus: 500 },
  // This machine
  LAB_FAILED: { httpStatus: 500 },
  LAB_NOT_FOUND: { httpStatus: 404 },
  LAB_EXISTS: { httpStatus: 409 },
  MACHINE_NOT_FOUND: { httpStatus: 404 },
  REQUIREMENT_MISSING: { httpStatus: 500 },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** What goes over the wire and to stderr with `--json`. */
export interface ErrorBody {
  readonly code: ErrorCode;
  /** What happened, to what, with numbers and units. One sentence or more. */
  readonly message: string;
  /** In which state things are now, e.g. "Nothing was changed." */
  readonly state: string;
  /** One imperative sentence for the operator. */
  readonly nextStep: string;
  /** Further reasons or figures; for MIGRATION_NOT_POSSIBLE `reasons: string[]`. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export class GodwitError extends Error {
  readonly code: ErrorCode;
  readonly state: string;
  readonly nextStep: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(body: ErrorBody, cause?: unknown) {
    super(body.message, cause === undefined ? undefined : { cause });
    this.name = 'GodwitError';
    this.code = body.code;
    this.state = body.state;
    this.nextStep = body.nextStep;
    this.details = body.details;
  }

  toBody(): ErrorBody {
    const { code, message, state, nextStep, details } = this;
    return details === undefined ? { code, message, state, nextStep } : { code, message, state, nextStep, details };
  }
}

/** The sentence for a refusal that did nothing. */
export const NOTHING_CHANGED = 'Nothing was changed.';

/** Turns anything thrown into the error shape; an unexpected error becomes INTERNAL and keeps its text. */
export function toErrorBody(error: unknown): ErrorBody {
  if (error instanceof GodwitError) return error.toBody();
  return {
    code: 'INTERNAL',
    message: error instanceof Error ? error.message : String(error),
    state: 'Unknown: this error was not foreseen.',
    nextStep: "Look at the state with `godwit cluster status` and at the agent's log, then try again.",
  };
}
