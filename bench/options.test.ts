import { expect, test } from 'vitest';
import { cycleOrder, SCENARIOS, VARIANTS } from './bench-plan.ts';
import { frameCounters } from './client-machine.ts';
import { receivedBytesPerSecond } from './link-rate.ts';
import { readOptions, WrongUsage } from './options.ts';

test('without options everything is measured over 1 Gbit/s', () => {
  expect(readOptions([])).toEqual({
    ...{ runs: 15, links: ['1gbit'], scenarios: SCENARIOS, variants: VARIANTS, accelerator: 'auto' },
  });
});

test('links and variants are lists; scenarios are chosen by a part of their name', () => {
  const options = readOptions(['--link', '1gbit,none', '--variant', 'godwit-plain,raw', '--scenario', 'text']);
  expect(options.links).toEqual(['1gbit', 'none']);
  expect(options.variants).toEqual(['raw', 'godwit-plain']);
  expect(options.scenarios.map(({ name }) => name)).toEqual(['512 MiB, 300 MiB text']);
});

test.each([
  ['--runs', '0'],
  ['--variant', 'raw,vmware'],
  ['--scenario', 'nothing'],
  ['--accelerator', 'xen'],
])('%s %s is refused', (...argv) => {
  expect(() => readOptions(argv)).toThrow(WrongUsage);
});

test('raw QEMU begins every cycle, and the variants of Godwit change places', () => {
  expect([0, 1].map((cycle) => cycleOrder(cycle, VARIANTS))).toEqual([
    ['raw', 'godwit-tls', 'godwit-plain'],
    ['raw', 'godwit-plain', 'godwit-tls'],
  ]);
});

test('frames are counted where they enter the switch, on the client network only', () => {
  const ports = [
    { ifname: 'node1-client', stats64: { rx: { packets: 5 }, tx: { packets: 7 } } },
    { ifname: 'node1-cluster', stats64: { rx: { packets: 1000 } } },
    { ifname: 'client-client', stats64: { rx: { packets: 6 } } },
  ];
  expect(frameCounters(JSON.stringify(ports))).toEqual({ clientFrames: 6, wireFrames: 11 });
});

test('the rate that iperf3 reports is in bits; there is none where it could not connect', () => {
  const report = { end: { sum_received: { bits_per_second: 952e6 } } };
  expect(receivedBytesPerSecond(JSON.stringify(report))).toBe(119e6);
  expect(receivedBytesPerSecond('{"end":{},"error":"unable to connect to server"}')).toBeNull();
});
