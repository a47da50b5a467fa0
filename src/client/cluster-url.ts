import { GodwitError, NOTHING_CHANGED } from '../contract/error-body.ts';

/** Throws INVALID_INPUT. */
export function parseClusterUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed?.protocol === 'https:') return parsed;
  throw new GodwitError({
    code: 'INVALID_INPUT',
    message: `"${url}" is not the URL of a cluster.`,
    state: NOTHING_CHANGED,
    nextStep: 'Use a URL such as https://10.78.0.11:8440.',
  });
}
