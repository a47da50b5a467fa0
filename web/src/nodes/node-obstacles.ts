// Why something cannot be done to a node now. The cluster decides in the end; this spares the user a refusal that is known beforehand.
import type { NodeView } from '../../../src/contract/cluster.ts';

export type NodeActionId =
  | 'pause'
  | 'drain'
  | 'cancelDrain'
  | 'resume'
  | 'resumeFailback'
  | 'evict'
  | 'confirmDead'
  | 'fencing';

export type NodeObstacle =
  | 'witness'
  | 'alreadyPaused'
  | 'draining'
  | 'notDraining'
  | 'notPaused'
  | 'notUp'
  | 'notSilent'
  | 'evictAlive'
  | 'evictOwns';

/** null: nothing stands against it. */
export function nodeObstacle(action: NodeActionId, node: NodeView): NodeObstacle | null {
  const { role, state, vms } = node;
  if (action === 'evict') {
    if (state !== 'down' && state !== 'fenced') return 'evictAlive';
    return vms.length > 0 ? 'evictOwns' : null;
  }
  if (role === 'witness') return 'witness';
  switch (action) {
    case 'pause':
      return state === 'paused' ? 'alreadyPaused' : state === 'draining' ? 'draining' : null;
    case 'drain':
      if (state === 'draining') return 'draining';
      return state === 'up' || state === 'paused' || state === 'quarantined' ? null : 'notUp';
    case 'cancelDrain':
      return state === 'draining' ? null : 'notDraining';
    case 'resume':
      return state === 'up' ? 'notPaused' : null;
    case 'resumeFailback':
      return state === 'paused' || state === 'draining' ? null : 'notPaused';
    case 'confirmDead':
      // A fenced one, too: what no guard stops is freed only by somebody's word.
      return state === 'down' || state === 'fenced' ? null : 'notSilent';
    case 'fencing':
      return null;
  }
}
