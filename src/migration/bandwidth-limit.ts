/** The smallest of several upper limits in bytes per second, null standing for none. Pure. */
export function smallestLimit(...limits: readonly (number | null)[]): number | null {
  const given = limits.filter((limit) => limit !== null);
  return given.length === 0 ? null : Math.min(...given);
}
