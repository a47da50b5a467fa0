import { joinCluster } from '../formation/join-cluster.ts';
import { machineName } from '../formation/machine-settings.ts';
import { DEFAULT_CONFIG_DIRECTORY } from '../formation/member-files.ts';
import type { MachineOptions } from './cluster-create.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { startCommands, watchdogNote } from './start-commands.ts';
import { godwitVersion } from './version.ts';

export interface JoinOptions extends MachineOptions {
  readonly token: string;
  readonly witness?: boolean;
  /** Seconds. */
  readonly wait: number;
}

export async function clusterJoin(context: Context, url: string, options: JoinOptions): Promise<ExitStatus> {
  const role = options.witness === true ? 'witness' : 'node';
  const { config, configFile } = await joinCluster({
    ...{ url, role, token: options.token, version: godwitVersion() },
    node: options.node ?? machineName(),
    addresses: options.address ?? [],
    configDirectory: options.configDirectory ?? DEFAULT_CONFIG_DIRECTORY,
    optionsFile: options.options,
    waitMs: options.wait * 1000,
  });
  report(context, { cluster: config.clusterName, node: config.node, role, configFile }, () => {
    const what = role === 'node' ? 'a node' : 'the witness';
    const note = watchdogNote(config);
    return [
      `${config.node} is ${what} of the cluster ${config.clusterName}.`,
      '',
      'Next: start on this machine, as services (docs/operating/formation.md):',
      ...startCommands(config, configFile).map((command) => `  ${command}`),
      ...(note === null ? [] : ['', note]),
    ].join('\n');
  });
  return EXIT_DONE;
}
