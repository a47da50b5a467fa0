/**
 * In which order the members are asked: the local one first, then the one that answered last; members that
 * failed come last until they answer again.
 */
export interface EndpointRotation {
  order(): readonly string[];
  answered(name: string): void;
  /** A probe beside the calls found it well. */
  recovered(name: string): void;
  failed(name: string): void;
  suspects(): readonly string[];
  /** Other members from now on; what is known of those that stay is kept. */
  use(names: readonly string[]): void;
}

export function createEndpointRotation(initial: readonly string[], localFirst?: string): EndpointRotation {
  let names = initial;
  const suspects = new Set<string>();
  let lastGood: string | undefined;
  const rank = (name: string): number =>
    (suspects.has(name) ? 4 : 0) + (name === localFirst ? 0 : name === lastGood ? 1 : 2);
  return {
    // toSorted is stable: members of equal rank stay in the order of the configuration.
    order: () => names.toSorted((one, other) => rank(one) - rank(other)),
    answered: (name) => {
      suspects.delete(name);
      lastGood = name;
    },
    recovered: (name) => {
      suspects.delete(name);
    },
    failed: (name) => {
      suspects.add(name);
    },
    suspects: () => [...suspects],
    use: (next) => {
      names = next;
      for (const name of suspects) if (!next.includes(name)) suspects.delete(name);
    },
  };
}
