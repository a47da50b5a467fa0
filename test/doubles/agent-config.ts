import type { AgentConfig } from '../../src/model/agent-config.ts';

export const testAgentConfig: AgentConfig = {
  clusterName: 'lab',
  node: 'node1',
  role: 'node',
  addresses: ['10.77.0.11', '10.78.0.11'],
  api: { port: 8440, url: 'https://10.78.0.11:8440' },
  peerPort: 8441,
  pki: { caCertificate: '/etc/ca.pem', certificate: '/etc/node.pem', key: '/etc/node.key', qemuDirectory: '/etc/qemu' },
  store: {
    members: [{ name: 'node1', address: '10.77.0.11' }],
    clientPort: 2379,
    peerPort: 2380,
    etcdBinary: '/usr/bin/etcd',
  },
  stateDirectory: '/var/lib/godwit',
  runtimeDirectory: '/run/godwit',
  logDirectory: '/var/log/godwit',
  volumes: [{ name: 'vol1', path: '/volumes/vol1' }],
  switches: [{ name: 'lan', bridge: 'br0' }],
  vmMemoryBytes: 1_073_741_824,
  qemu: { binary: '/usr/bin/qemu-system-x86_64', user: { uid: 64_077, gid: 64_077 }, accelerator: 'auto' },
  migration: { tls: true, bandwidthBytesPerSecond: null, network: null },
  administrator: { user: 'admin', passwordHash: 'scrypt:16384:00ff:00ff' },
  guard: null,
  labImage: null,
  guestAddresses: { network: '10.78.0.0/24', first: 100, last: 199 },
};
