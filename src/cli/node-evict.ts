import { evictNode } from '../contract/join.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';

export async function nodeEvict(context: Context, name: string): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const done = await cluster.call(evictNode, { params: { name } });
  report(context, done, () =>
    [
      `${name} does not belong to the cluster any more.`,
      'Its disk still has a key of the cluster: delete its configuration and state directories before it is used for something else.',
    ].join('\n'),
  );
  return EXIT_DONE;
}
