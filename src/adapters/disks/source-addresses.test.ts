import { describe, expect, test } from 'vitest';
import { whyRefused } from './source-addresses.ts';

const rules = { allowed: [], cluster: ['10.77.0.11', 'node1.example.org', 'fd00::11'] };

describe('whyRefused', () => {
  test.each([
    '127.0.0.1',
    '127.8.9.10',
    '0.0.0.0',
    '169.254.169.254',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    'fd00:ec2::254',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::7f00:1',
    '10.77.0.11',
    '::ffff:10.77.0.11',
    'FD00:0::11',
    'localhost',
  ])('refuses %s', (address) => expect(whyRefused(address, rules)).not.toBeNull());

  test.each(['10.77.0.12', '192.168.1.1', '151.101.2.132', '2a04:4e42::644', '::ffff:10.0.0.1'])(
    'lets %s pass',
    (address) => expect(whyRefused(address, rules)).toBeNull(),
  );

  test('what is allowed passes whatever speaks against it, and nothing beside it', () => {
    const allowed = { ...rules, allowed: ['127.0.0.0/8', '10.77.0.11', 'fd00::/64'] };
    expect(whyRefused('127.0.0.1', allowed)).toBeNull();
    expect(whyRefused('::ffff:10.77.0.11', allowed)).toBeNull();
    expect(whyRefused('fd00::11', allowed)).toBeNull();
    expect(whyRefused('169.254.169.254', allowed)).not.toBeNull();
  });
});
