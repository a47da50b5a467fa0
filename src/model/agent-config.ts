import type { NodeName } from './names.ts';
import type { NodeRole } from './node.ts';

/** One member of the cluster's database, as every agent is told. */
export interface StoreMemberConfig {
  readonly name: NodeName;
  /** Address on the cluster network. */
  readonly address: string;
}

/**
 * The configuration file of an agent (YAML or JSON), `godwit agent --config FILE`. The witness
 * uses the same file with `role: witness`. All paths are absolute.
 */
export interface AgentConfig {
  readonly clusterName: string;
  readonly node: NodeName;
  readonly role: NodeRole;
  /** Own addresses for other agents, best first: cluster network, then client network. The first also carries guest memory. */
  readonly addresses: readonly string[];
  readonly api: {
    readonly port: number;
    readonly url: string;
    /**
     * Further URLs under which browsers reach this node's API, e.g. through a gateway, in the order of the networks, which is the same on
     * all nodes. Pages of these origins are trusted as this cluster's own. The certificate has to name them: `certificateAddresses`.
     */
    readonly alsoReachedAs?: readonly string[];
  };
  readonly peerPort: number;
  readonly pki: {
    readonly caCertificate: string;
    /** Certificate and key of this node: CN = node name, O = godwit; for server and client use; SANs: name, all addresses, localhost. */
    readonly certificate: string;
    readonly key: string;
    /** Directory with ca-cert.pem, server-cert.pem, server-key.pem, client-cert.pem, client-key.pem, readable by `qemuUser`. */
    readonly qemuDirectory: string;
    /** The authority's own key, so that this node can let others in. A witness has none. */
    readonly caKey?: string;
  };
  /** The `requestHash` with which this machine was let in; absent on the first node of a cluster. */
  readonly admission?: string;
  /** Further addresses that the certificate of this node names, e.g. one that leads to it from outside. */
  readonly certificateAddresses?: readonly string[];
  readonly store: {
    /** Those at the time when the file was written; a note in the state directory has the newest. This node among them: it is the first. */
    readonly members: readonly StoreMemberConfig[];
    /** 2379 and 2380 by default. */
    readonly clientPort: number;
    readonly peerPort: number;
    /** Path of the etcd binary; null: this agent starts no etcd. */
    readonly etcdBinary: string | null;
  };
  /** Survives a reboot: etcd's data, small notes. */
  readonly stateDirectory: string;
  /** Lost at a reboot (a tmpfs): QMP sockets, process notes. */
  readonly runtimeDirectory: string;
  readonly logDirectory: string;
  readonly volumes: readonly { readonly name: string; readonly path: string }[];
  /** Virtual switches: name to Linux bridge. The bridge exists. */
  readonly switches: readonly { readonly name: string; readonly bridge: string }[];
  /** Memory offered to VMs, in bytes. */
  readonly vmMemoryBytes: number;
  readonly qemu: {
    readonly binary: string;
    /** Unprivileged user that QEMU runs as; null: as the agent's own. */
    readonly user: { readonly uid: number; readonly gid: number } | null;
    readonly accelerator: 'auto' | 'kvm' | 'tcg';
  };
  readonly migration: {
    /** Whether guest memory crosses the network under TLS. */
    readonly tls: boolean;
    /** What this node's migrations may take at most, each of them; null: as fast as the link allows. */
    readonly bandwidthBytesPerSecond: number | null;
    /**
     * A network only for migrations. Guest memory and mirrored frames go over it and never over another one: a node that is not on it is no destination.
     * Null: they go over the cluster network.
     */
    readonly network: {
      /** In CIDR notation, the same text on all nodes: "10.79.0.0/24". */
      readonly cidr: string;
      /** Own address in it. */
      readonly address: string;
      /** What one migration may take of it; null: all. */
      readonly bandwidthBytesPerSecond: number | null;
    } | null;
  };
  /**
   * The guard of this node: the process that stops its highly available VMs when its authority ends. Null: there is none, so
   * the node is only ever taken over on proof that it is dead. Always null on a witness.
   */
  readonly guard: {
    /** Unix socket at which the guard listens. */
    readonly socket: string;
    /** Directory of control groups of version 2 in which the guard and the agent make `ha-vms` and `other-vms`. */
    readonly cgroup: string;
    /** Null: no watchdog stands behind the guard. */
    readonly watchdog: {
      /** "/dev/watchdog" */
      readonly device: string;
      /** File that says the granted timeout in seconds, "/sys/class/watchdog/watchdog0/timeout". */
      readonly timeoutFile: string;
    } | null;
  } | null;
  /** The administrator of the API: password as "scrypt:<N>:<salt hex>:<hash hex>". */
  readonly administrator: { readonly user: string; readonly passwordHash: string };
  /** The kernel, initrd and kernel command line behind `--image lab`; null where there is none. */
  readonly labImage: { readonly kernel: string; readonly initrd: string; readonly commandLine: string } | null;
  /**
   * Addresses and ranges ("10.1.0.5", "10.1.0.0/16") that images may be downloaded from although they are those of the node, of its link or
   * of the cluster. Absent: none.
   */
  readonly imageSources?: { readonly allow: readonly string[] };
  /** First guest address handed out for `--image lab` VMs and its network, e.g. {"network": "10.78.0.0/24", "first": 100, "last": 199}; null: none. */
  readonly guestAddresses: { readonly network: string; readonly first: number; readonly last: number } | null;
}

/** What of the configuration depends on the machine, and not on the cluster that it joins. */
export type MachineSettings = Omit<AgentConfig, 'clusterName' | 'node' | 'role' | 'pki' | 'store' | 'administrator'> & {
  readonly store: Omit<AgentConfig['store'], 'members'>;
};
