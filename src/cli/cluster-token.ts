import { createJoinToken } from '../contract/join.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';

export async function clusterToken(context: Context, options: { readonly valid: number }): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const made = await cluster.call(createJoinToken, { body: { validSeconds: options.valid * 60 } });
  const [url] = cluster.target.urls;
  report(context, made, () =>
    [
      `Lets one machine join until ${made.expiresAt}. On that machine:`,
      `  godwit cluster join ${url} --token ${made.token}`,
    ].join('\n'),
  );
  return EXIT_DONE;
}
