import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';

interface UnknownSwitch {
  readonly name: string;
  /** Relative clause that says what it was wanted for. */
  readonly wanted: string;
  /** Names of this node's virtual switches. */
  readonly known: readonly string[];
}

export function unknownSwitch({ name, wanted, known }: UnknownSwitch): GodwitError {
  return new GodwitError({
    code: 'INVALID_INPUT',
    message: `There is no virtual switch "${name}" on this node, ${wanted}.`,
    state: NOTHING_CHANGED,
    nextStep:
      known.length === 0
        ? 'Configure a virtual switch on this node.'
        : `Use one of this node's virtual switches: ${known.join(', ')}.`,
    details: { switches: known },
  });
}

export function missingBridge(bridge: string): GodwitError {
  return new GodwitError({
    code: 'REQUIREMENT_MISSING',
    message: `The bridge ${bridge} does not exist on this node.`,
    state: NOTHING_CHANGED,
    nextStep: `Create it (\`ip link add ${bridge} type bridge\`) or correct the agent's configuration.`,
  });
}
