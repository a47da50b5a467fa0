import type { Clock } from '../ports/clock.ts';
import type { Peer } from '../ports/peers.ts';

const SAMPLES = 5;

/**
 * How far the other agent's wall clock is ahead of ours, in milliseconds, and the largest error of that figure: half
 * the shortest round trip (Cristian, "Probabilistic clock synchronization", 1989). Null if it does not answer.
 */
export async function relateClocks(
  peer: Peer,
  clock: Clock,
): Promise<{ readonly offsetMs: number; readonly errorMs: number } | null> {
  let best: { offsetMs: number; errorMs: number } | null = null;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const sentAtMs = clock.wallMs();
    try {
      const { wallMs } = await peer.call('clock', {}, 500);
      const receivedAtMs = clock.wallMs();
      const errorMs = (receivedAtMs - sentAtMs) / 2;
      if (best === null || errorMs < best.errorMs) best = { offsetMs: wallMs - (sentAtMs + errorMs), errorMs };
    } catch {
      return best;
    }
  }
  return best;
}
