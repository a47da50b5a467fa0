import { describe, expect, test } from 'vitest';
import type { Machine } from './lab-plan.ts';
import {
  cableCommands,
  checkLink,
  checkNodeCount,
  gatewayAddress,
  linksToCut,
  machineCommands,
  machineOfNamespace,
  planLab,
  seatCount,
  shapeCommands,
} from './lab-plan.ts';

const plan = planLab({ name: 'blue', index: 3, nodes: 2, link: '1gbit' });

function machine(name: string, of = plan): Machine {
  const found = of.machines.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

describe('planLab', () => {
  test('has the nodes on both networks, the witness and the client on one each', () => {
    expect(plan.machines.map((one) => [one.name, ...one.links.map((link) => link.address)].join(' '))).toEqual([
      'node1 10.77.0.11 10.78.0.11',
      'node2 10.77.0.12 10.78.0.12',
      'witness 10.77.0.10',
      'client 10.78.0.9',
    ]);
  });

  test('gives every device of all labs a hardware address and a port of its own, within the kernel’s 15 characters', () => {
    const largest = planLab({ name: 'x', index: 250, nodes: 9, link: 'none' });
    const links = [plan, largest].flatMap((one) => one.machines.flatMap((each) => each.links));
    expect(new Set(links.map((link) => link.macAddress)).size).toBe(links.length);
    for (const link of links) expect(link.port.length).toBeLessThanOrEqual(15);
    for (const link of links) expect(link.macAddress).toMatch(/^02(:[0-9a-f]{2}){5}$/);
  });
});

describe('machineCommands', () => {
  test('puts a node’s client address on a bridge whose own hardware address is fixed', () => {
    expect(machineCommands(machine('node1'))).toContain(
      'link add br0 address 06:67:77:03:02:0b type bridge stp_state 0 forward_delay 0 mcast_snooping 0',
    );
    expect(machineCommands(machine('node1'))).toContain('address add 10.78.0.11/24 broadcast + dev br0');
  });
});

describe('cableCommands', () => {
  test('makes both ends of a cable inside the namespaces', () => {
    expect(cableCommands(plan, machine('witness'))).toEqual([
      'link add witness-cluster type veth peer name cluster0 address 02:67:77:03:01:0a netns godwit-blue-witness',
      'link set witness-cluster master cluster up',
    ]);
  });
});

describe('shapeCommands', () => {
  test('holds every device to the rate of the link', () => {
    expect(shapeCommands(plan, ['cluster0'])).toEqual([
      'qdisc add dev cluster0 root tbf rate 1gbit burst 256kb latency 20ms',
    ]);
  });

  test('has nothing to do for an unshaped lab', () => {
    expect(shapeCommands({ ...plan, link: 'none' }, ['cluster0'])).toEqual([]);
  });
});

describe('seatCount', () => {
  test.each([
    [1, 1],
    [2, 3],
    [6, 3],
    [7, 5],
  ])('of %i nodes and a witness is %i', (nodes, seats) => {
    expect(seatCount(planLab({ name: 'x', index: 1, nodes, link: 'none' }))).toBe(seats);
  });

  test.each([
    [2, 1],
    [3, 3],
  ])('of %i nodes without a witness is %i', (nodes, seats) => {
    const plan = planLab({ name: 'x', index: 1, nodes, link: 'none', witness: false });
    expect(plan.machines.map(({ name }) => name)).not.toContain('witness');
    expect(seatCount(plan)).toBe(seats);
  });
});

describe('machineOfNamespace', () => {
  test('knows the lab’s own namespaces from those of a lab whose name begins the same', () => {
    expect(machineOfNamespace('blue', 'godwit-blue-node2')).toBe('node2');
    expect(machineOfNamespace('blue', 'godwit-blue-sea-node2')).toBeUndefined();
    expect(machineOfNamespace('blue', 'godwit-blue-node1-client')).toBeUndefined();
    expect(machineOfNamespace('blue', 'docker-1')).toBeUndefined();
  });
});

describe('gatewayAddress', () => {
  test('is on the host’s loopback and the lab’s own', () => {
    expect(gatewayAddress(plan, 'node2')).toBe('127.77.3.2');
    expect(gatewayAddress(plan, 'witness')).toBeUndefined();
  });
});

describe('linksToCut', () => {
  test('are all cables of the machine where no network is named', () => {
    expect(linksToCut(machine('node1'), undefined).map((link) => link.port)).toEqual(['node1-cluster', 'node1-client']);
    expect(linksToCut(machine('node1'), 'client').map((link) => link.port)).toEqual(['node1-client']);
  });

  test('are refused for a network that the machine is not on, and for storage', () => {
    expect(() => linksToCut(machine('witness'), 'client')).toThrow('witness is not on the client network');
    expect(() => linksToCut(machine('node1'), 'storage')).toThrow('cannot be cut');
  });
});

describe('checkLink and checkNodeCount', () => {
  test('accept what a lab can be made of', () => {
    expect(checkLink('1Gbit')).toBe('1gbit');
    expect(checkLink('none')).toBe('none');
    expect(checkNodeCount(9)).toBe(9);
  });

  test.each(['', 'fast', '1', '10kbit', '1gbit; reboot'])('refuse a link of "%s"', (text) => {
    expect(() => checkLink(text)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  });

  test.each([0, 10, 1.5, Number.NaN])('refuse %d nodes', (count) => {
    expect(() => checkNodeCount(count)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  });
});
