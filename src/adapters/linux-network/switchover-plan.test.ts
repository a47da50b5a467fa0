import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  armLines,
  disarmLines,
  floodLine,
  handOverLine,
  holdLines,
  injectDevice,
  isSwitchoverDevice,
  mirrorDevice,
  mirrorDevices,
  mirrorLines,
  onwardPort,
  onwardUpLine,
} from './switchover-plan.ts';
import { isTapName, tapName } from './tap-name.ts';

const plan = {
  vni: 0x00_2a_ff,
  tap: 'gw0123456789a',
  macAddress: '52:54:00:00:00:01',
  bridge: 'br0',
  mtuBytes: 9000,
  local: '10.0.0.1',
  remote: { address: '10.0.0.2', port: 8441 },
  kernelPort: 8442,
};

const anyVni = fc.integer({ min: 1, max: 0xff_ff_ff });

describe('device names', () => {
  test('fit the kernel, differ per NIC, and are found again by an agent that did not make them', () => {
    fc.assert(
      fc.property(anyVni, anyVni, (one, other) => {
        const names = [...mirrorDevices(one), injectDevice(one)];
        for (const name of names) expect(name.length <= 15 && isSwitchoverDevice(name)).toBe(true);
        if (one !== other) expect(names).not.toContain(mirrorDevice(other));
      }),
    );
  });

  test('of taps and of other programs are never taken for leftovers, nor leftovers for taps', () => {
    fc.assert(
      fc.property(fc.uuid(), anyVni, (instance, vni) => {
        expect(isSwitchoverDevice(tapName(instance, 0))).toBe(false);
        expect(isTapName(mirrorDevice(vni))).toBe(false);
      }),
    );
    for (const name of ['br0', 'eth0', 'gwm', 'gwm00002', 'gwm00002g', 'agwm00002a', 'gwx00002a']) {
      expect(isSwitchoverDevice(name)).toBe(false);
    }
  });
});

describe('the source', () => {
  test('opens its way onward only when nothing can be flooded into it any more', () => {
    const { ip } = mirrorLines(plan);
    const port = onwardPort(plan.vni);
    const silenced = ip.findIndex((line) => line.includes(`dev ${port} type bridge_slave flood off mcast_flood off`));
    expect(silenced).toBeGreaterThan(-1);
    expect(ip.findIndex((line) => line === `link set dev ${port} up`)).toBeGreaterThan(silenced);
    // The other end, without which nothing passes, comes last of all.
    expect(ip.join('\n')).not.toContain(onwardUpLine(plan.vni));
  });

  test('does not pull down the MTU of the bridge', () => {
    const { ip } = mirrorLines(plan);
    expect(ip.find((line) => line.includes('master br0'))).toContain('mtu 9000');
  });

  test('takes back everything that it does to a tap', () => {
    const [armed, disarmed] = [armLines(plan), disarmLines(plan)];
    expect(armed.ip).toEqual([`link set dev ${plan.tap} gso_max_segs 1`]);
    expect(disarmed.ip).toEqual([`link set dev ${plan.tap} gso_max_segs 65535`]);
    expect(armed.bridge[0]).toMatch(/^fdb replace 52:54:00:00:00:01 dev gw0123456789a master .*sticky$/);
    expect(disarmed.bridge).toEqual([`fdb del 52:54:00:00:00:01 dev ${plan.tap} master`]);
    // Where the filter goes is there as long as the tap: to add it under traffic costs frames.
    expect(armed.tc.join()).toMatch(/^filter add dev gw0123456789a egress /);
    expect(disarmed.tc).toEqual([`filter del dev ${plan.tap} egress`]);
  });

  test('copies the frames of the guest, and redirects those that come after it has left', () => {
    expect(armLines(plan).tc[0]).toContain(`egress mirror dev ${mirrorDevice(plan.vni)}`);
    const [, onward] = mirrorLines(plan).tc;
    expect(onward).toContain(`egress redirect dev ${mirrorDevice(plan.vni)}`);
    // What the bridge floods comes there too, whatever the port's flags say.
    expect(onward).toContain(`match ether dst ${plan.macAddress}`);
    expect(handOverLine(plan)).toContain(`dev ${onwardPort(plan.vni)} master static sticky`);
  });
});

describe('the destination', () => {
  test('has no switchover device on a bridge: there is no loop to make', () => {
    const { ip, tc } = holdLines(plan);
    expect(ip.join('\n')).not.toContain('master');
    expect(tc[1]).toContain(`redirect dev ${plan.tap}`);
  });

  test('silences the tap before frames can come, and takes back what it did to it', () => {
    const { ip } = holdLines(plan);
    const silent = `link set dev ${plan.tap} type bridge_slave flood off mcast_flood off bcast_flood off`;
    expect(ip[0]).toBe(silent);
    expect(floodLine(plan.tap)).toBe(silent.replaceAll(' off', ' on'));
  });
});
