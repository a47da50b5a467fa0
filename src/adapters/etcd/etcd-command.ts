import { isIPv6 } from 'node:net';

export interface EtcdServerOptions {
  /** Name of this member. */
  readonly name: string;
  /** The only address it listens on. */
  readonly address: string;
  /** All members, this one included. */
  readonly members: readonly { readonly name: string; readonly address: string; readonly peerPort?: number }[];
  readonly clientPort: number;
  readonly peerPort: number;
  /** Survives a reboot. */
  readonly dataDirectory: string;
  readonly logFile: string;
  /** Lost at a reboot: holds the note about the running process. */
  readonly runtimeDirectory: string;
  readonly binary: string;
  /** Paths of PEM files. The certificate is for server and client use and names all addresses of this machine. */
  readonly pki: {
    readonly caCertificate: string;
    readonly certificate: string;
    readonly key: string;
    /** Certificates that are refused. etcd reads it at every handshake, and refuses everybody where it is missing; its age and its signature it does not look at. */
    readonly revocationList?: string;
  };
  /** Keeps members of different clusters apart that share addresses. */
  readonly clusterToken: string;
  /** `existing`: it was added to members that run; `new` (the default): it begins with them. Only looked at with an empty data directory. */
  readonly state?: 'new' | 'existing';
}

export function etcdArguments(options: EtcdServerOptions): string[] {
  const { name, address, clientPort, peerPort, pki } = options;
  const client = url(address, clientPort);
  const peer = url(address, peerPort);
  const cluster = options.members.map((member) => `${member.name}=${url(member.address, member.peerPort ?? peerPort)}`);
  return [
    `--name=${name}`,
    `--data-dir=${options.dataDirectory}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=${cluster.join(',')}`,
    `--initial-cluster-token=${options.clusterToken}`,
    `--initial-cluster-state=${options.state ?? 'new'}`,
    '--client-cert-auth=true',
    `--trusted-ca-file=${pki.caCertificate}`,
    `--cert-file=${pki.certificate}`,
    `--key-file=${pki.key}`,
    '--peer-client-cert-auth=true',
    `--peer-trusted-ca-file=${pki.caCertificate}`,
    `--peer-cert-file=${pki.certificate}`,
    `--peer-key-file=${pki.key}`,
    ...revocation(pki.revocationList),
    // A member that comes back after a cut must not depose a leader that the others can reach.
    '--pre-vote',
    '--heartbeat-interval=100',
    '--election-timeout=1000',
    '--grpc-keepalive-min-time=1s',
    '--auto-compaction-mode=periodic',
    '--auto-compaction-retention=10m',
    `--quota-backend-bytes=${2 * 1024 ** 3}`,
    '--snapshot-count=10000',
    '--enable-grpc-gateway=false',
    '--logger=zap',
    '--log-outputs=stderr',
    '--log-level=warn',
  ];
}

function revocation(path: string | undefined): string[] {
  return path === undefined ? [] : [`--client-crl-file=${path}`, `--peer-crl-file=${path}`];
}

function url(address: string, port: number): string {
  return `https://${isIPv6(address) ? `[${address}]` : address}:${port}`;
}
