/** How a state is coloured and shaped; `state-badge.tsx` draws it. */
export type Tone = 'good' | 'busy' | 'paused' | 'idle' | 'warning' | 'bad' | 'fenced';

export function vmTone(state: string): Tone {
  if (state === 'running') return 'good';
  if (state === 'migrating' || state === 'starting' || state === 'saving') return 'busy';
  if (state === 'paused' || state === 'saved') return 'paused';
  return state === 'failed' ? 'bad' : 'idle';
}

export function nodeTone(state: string): Tone {
  if (state === 'up') return 'good';
  if (state === 'paused') return 'paused';
  if (state === 'draining') return 'busy';
  if (state === 'isolated' || state === 'quarantined') return 'warning';
  return state === 'fenced' ? 'fenced' : 'bad';
}
