// The devices of a VM: as shown, as changed, and what cloud-init is told about them.
import { type Static, Type } from 'typebox';
import { bytes, exact, list, nullable, oneOf } from './shapes.ts';

export const deviceSchemas = {
  disks: list(exact({ id: Type.String(), path: Type.String(), format: oneOf(['qcow2', 'raw']), sizeBytes: bytes })),
  nics: list(
    exact({
      id: Type.String(),
      macAddress: Type.String(),
      switchName: Type.String(),
      address: nullable(Type.String()),
    }),
  ),
  /** CD drives: "cd0" is the one whose medium can be changed, "seed" has what cloud-init reads. */
  cdroms: list(exact({ id: oneOf(['cd0', 'seed']), path: Type.String() })),
};

export const pendingHardwareSchema = exact({
  memoryBytes: bytes,
  cpus: Type.Integer(),
  ...deviceSchemas,
  /** What is different, a sentence each: "2 CPUs instead of 1." */
  changes: list(Type.String()),
});

/** Fields of a change of hardware. */
export const hardwareChange = {
  /** At least 16 MiB, whole MiB. */
  memoryBytes: Type.Optional(Type.Integer()),
  /** 1 to 64. */
  cpus: Type.Optional(Type.Integer()),
  /** Empty disks, made at once. */
  addDisks: Type.Optional(list(exact({ sizeBytes: Type.Integer() }))),
  /** Ids of disks, "disk1". */
  removeDisks: Type.Optional(list(Type.String())),
  /** Deletes the files of the removed disks; only while the VM is off. */
  deleteDiskFiles: Type.Optional(Type.Boolean()),
  /** Only while the VM is off; a disk never shrinks. */
  growDisks: Type.Optional(list(exact({ id: Type.String(), sizeBytes: Type.Integer() }))),
  addNics: Type.Optional(list(exact({ switch: Type.String() }))),
  /** Ids of NICs, "nic1". */
  removeNics: Type.Optional(list(Type.String())),
  /** An ISO for the CD drive: the name of an image of the cluster, or an absolute path on the nodes; null takes the medium out. */
  cdrom: Type.Optional(nullable(Type.String())),
  /** Forgets the hardware that waits for the next start, before anything else of this request. */
  discardPending: Type.Optional(Type.Boolean()),
};

const hardwareChangeSchema = exact(hardwareChange);
export type HardwareChange = Static<typeof hardwareChangeSchema>;

/** What a guest with cloud-init is told at its first boot (NoCloud). A password is kept as a salted hash only, and only on the seed. */
export const cloudInitSchema = exact({
  /** The name of the VM by default. */
  hostname: Type.Optional(Type.String()),
  /** Gets sudo; the default user of the image if absent. */
  user: Type.Optional(Type.String()),
  password: Type.Optional(Type.String({ writeOnly: true })),
  sshAuthorizedKeys: Type.Optional(list(Type.String())),
  network: Type.Optional(
    exact({
      /** "dhcp" (by default), "auto" for the next free of the cluster's guest addresses, or one with prefix length: "10.0.0.5/24". */
      address: Type.String(),
      gateway: Type.Optional(Type.String()),
      nameservers: Type.Optional(list(Type.String())),
    }),
  ),
});
export type CloudInit = Static<typeof cloudInitSchema>;
