import { expect, it } from 'vitest';
import { etcdArguments } from './etcd-command.ts';

it('etcd listens on its own address only, under mutual TLS, with every member named', () => {
  const args = etcdArguments({
    name: 'node1',
    address: '10.77.0.11',
    members: [
      { name: 'node1', address: '10.77.0.11' },
      { name: 'witness', address: 'fd00::10' },
    ],
    clientPort: 2379,
    peerPort: 2380,
    dataDirectory: '/state/etcd',
    logFile: '/log/etcd.log',
    runtimeDirectory: '/run/godwit',
    binary: '/usr/bin/etcd',
    pki: { caCertificate: '/ca', certificate: '/certificate', key: '/key' },
    clusterToken: 'token',
  });
  const listening = args.filter((arg) => arg.startsWith('--listen'));
  expect(listening).toEqual([
    '--listen-client-urls=https://10.77.0.11:2379',
    '--listen-peer-urls=https://10.77.0.11:2380',
  ]);
  expect(args).toContain('--initial-cluster=node1=https://10.77.0.11:2380,witness=https://[fd00::10]:2380');
  expect(args).toContain('--client-cert-auth=true');
  expect(args).toContain('--peer-client-cert-auth=true');
  expect(args).toContain('--pre-vote');
});
