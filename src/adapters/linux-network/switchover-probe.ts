import type { IpCommand } from './run-ip.ts';

interface Tools {
  readonly ip: IpCommand;
  readonly bridge: IpCommand;
  readonly tc: IpCommand;
}

const TRIAL = ['gwtrial0', 'gwtrial1', 'gwtrial2', 'gwtrial3'] as const;

/** Tries every piece of the lossless switchover on devices of its own, and says in plain words which are missing. */
export async function probeSwitchover(
  { ip, bridge, tc }: Tools,
  wholeFrames: (device: string) => Promise<void>,
): Promise<readonly string[]> {
  const [veth, peer, vxlan, bridgeName] = TRIAL;
  const missing: string[] = [];
  const attempt = async (piece: string, run: () => Promise<unknown>) => {
    try {
      await run();
      return true;
    } catch {
      missing.push(piece);
      return false;
    }
  };
  await removeTrial(ip);
  try {
    const hasVeth = await attempt('veth devices', () => ip.batch([`link add ${veth} type veth peer name ${peer}`]));
    const hasVxlan = await attempt('VXLAN devices', () => ip.batch([`link add ${vxlan} type vxlan id 1 dstport 0`]));
    if (hasVxlan) {
      await attempt('ethtool, or a VXLAN device whose offloads can be switched off', () => wholeFrames(vxlan));
    }
    if (hasVeth) {
      const hasClsact = await attempt('the clsact queueing discipline', () =>
        tc.batch([`qdisc add dev ${veth} clsact`]),
      );
      const filter = `filter add dev ${veth} egress protocol all prio 1 u32 match u32 0 0 action mirred egress mirror dev ${peer}`;
      if (hasClsact) await attempt('the u32 filter with the mirred action', () => tc.batch([filter]));
      await attempt('sticky forwarding entries of bridges', async () => {
        await ip.batch([`link add ${bridgeName} type bridge`, `link set ${veth} master ${bridgeName}`]);
        await bridge.batch([`fdb replace 02:67:77:00:00:01 dev ${veth} master static sticky`]);
      });
    }
  } finally {
    await removeTrial(ip);
  }
  return missing;
}

async function removeTrial(ip: IpCommand): Promise<void> {
  for (const name of TRIAL) await ip.batch([`link delete dev ${name}`]).catch(() => undefined);
}
