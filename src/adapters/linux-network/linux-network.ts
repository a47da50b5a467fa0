import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { GodwitError } from '../../model/errors.ts';
import type { VmNic } from '../../model/vm.ts';
import type { Log } from '../../ports/log.ts';
import type { VmNetwork } from '../../ports/network.ts';

const run = promisify(execFile);
const PREFIX = 'gw';
const HASH_DIGITS = 11;

export interface LinuxNetworkOptions {
  readonly switches: readonly { readonly name: string; readonly bridge: string }[];
  /** Who may open the taps without further rights; null: root only. */
  readonly qemuUser: { readonly uid: number; readonly gid: number } | null;
  readonly log: Log;
  /** Run `ip` in this network namespace: for tests. */
  readonly netns?: string;
}

/** "gw" and 11 hexadecimal digits, 13 of the 15 characters that Linux allows; the same for the same NIC of the same instance. */
export function tapName(instance: string, nicIndex: number): string {
  const digest = createHash('sha256').update(`${instance}/${nicIndex}`).digest('hex');
  return `${PREFIX}${digest.slice(0, HASH_DIGITS)}`;
}

/** Taps on Linux bridges, by `ip`. */
export function createLinuxNetwork(options: LinuxNetworkOptions): VmNetwork {
  const namespace = options.netns === undefined ? [] : ['-n', options.netns];
  const ip = (...args: string[]) => run('ip', [...namespace, ...args]);

  async function exists(device: string): Promise<boolean> {
    return await ip('link', 'show', 'dev', device).then(
      () => true,
      () => false,
    );
  }

  async function removeTap(tap: string): Promise<void> {
    try {
      await ip('link', 'delete', 'dev', tap);
    } catch (error) {
      if (await exists(tap)) throw failed(`The tap ${tap} could not be removed`, error);
    }
  }

  async function plugOne(tap: string, nic: VmNic): Promise<void> {
    const bridge = options.switches.find(({ name }) => name === nic.switchName)?.bridge;
    if (bridge === undefined) throw unknownSwitch(nic.switchName, options.switches);
    const owner = options.qemuUser === null ? [] : ['user', String(options.qemuUser.uid)];
    // A leftover of the same name would have the wrong owner or flags.
    if (await exists(tap)) await removeTap(tap);
    try {
      // QEMU asks for vnet_hdr; a persistent tap without it would cost the guest its offloads.
      await ip('tuntap', 'add', 'dev', tap, 'mode', 'tap', 'vnet_hdr', ...owner);
      await ip('link', 'set', 'dev', tap, 'addrgenmode', 'none', 'master', bridge, 'up');
    } catch (error) {
      await removeTap(tap).catch(() => undefined);
      throw failed(`The tap of ${nic.id} could not be plugged into ${nic.switchName} (${bridge})`, error);
    }
  }

  return {
    tapName,
    switches: () => options.switches.map(({ name }) => name),
    removeTap,
    async plug(instance, nics) {
      const taps = nics.map((_nic, index) => tapName(instance, index));
      await Promise.all(nics.map((nic, index) => plugOne(taps[index] ?? '', nic)));
      return taps;
    },
    async unplug(instance, nics) {
      await Promise.all(nics.map((_nic, index) => removeTap(tapName(instance, index))));
    },
    async plugged() {
      const { stdout } = await ip('-json', 'link', 'show', 'type', 'tun');
      const devices = JSON.parse(stdout.trim() === '' ? '[]' : stdout) as { ifname?: string }[];
      const pattern = new RegExp(`^${PREFIX}[0-9a-f]{${HASH_DIGITS}}$`);
      return devices.flatMap(({ ifname }) => (ifname !== undefined && pattern.test(ifname) ? [ifname] : []));
    },
  };
}

function unknownSwitch(name: string, switches: LinuxNetworkOptions['switches']): GodwitError {
  return new GodwitError({
    code: 'NETWORK_FAILED',
    message: `This node has no virtual switch "${name}".`,
    state: 'No tap was made.',
    nextStep: `Use one of: ${switches.map((one) => one.name).join(', ') || 'none is configured'}.`,
  });
}

function failed(what: string, error: unknown): GodwitError {
  const words = (error as { stderr?: string }).stderr?.trim() ?? String(error);
  return new GodwitError(
    {
      code: 'NETWORK_FAILED',
      message: `${what}: ${words}.`,
      state: 'No tap of it is left.',
      nextStep: 'Check that the bridge exists and that the agent may change the network.',
    },
    error,
  );
}
