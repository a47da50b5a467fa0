import { GodwitError } from '../contract/error-body.ts';

/** The error of a request to which no answer came. */
export function unreachable(
  origin: string,
  cause: {
    readonly error: unknown;
    /** In plain words: "the deadline passed". */
    readonly reason: string;
    /** Whether it may have changed something all the same. */
    readonly mayHaveArrived: boolean;
    readonly nextStep: string;
  },
): GodwitError {
  return new GodwitError(
    {
      code: 'CLUSTER_UNREACHABLE',
      message: `No answer from ${origin}: ${cause.reason}.`,
      state: cause.mayHaveArrived
        ? 'Unknown: the request may or may not have reached the cluster.'
        : 'Nothing was changed by this request.',
      nextStep: cause.nextStep,
    },
    cause.error,
  );
}
