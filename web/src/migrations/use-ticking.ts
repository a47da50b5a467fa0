import { useEffect, useState } from 'react';
import { useCurrent } from '../live/live-hooks.ts';
import type { Progress } from './migration-figures.ts';

const TICK_MS = 200;
/** Figures that are older say nothing about now any more, in milliseconds. */
const SILENT_MS_MAX = 5000;

/** How long ago these figures came, in milliseconds, so that clocks run between two messages. 0 without figures, or where they are not current. */
export function useSinceHeard(progress: Progress | null): number {
  const current = useCurrent();
  const [heard, setHeard] = useState({ progress, atMs: performance.now() });
  const [nowMs, setNow] = useState(() => performance.now());
  if (heard.progress !== progress) setHeard({ progress, atMs: performance.now() });
  const ticking = progress !== null && current;
  useEffect(() => {
    if (!ticking) return undefined;
    const timer = setInterval(() => setNow(performance.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [ticking]);
  return ticking ? Math.min(SILENT_MS_MAX, Math.max(0, nowMs - heard.atMs)) : 0;
}
