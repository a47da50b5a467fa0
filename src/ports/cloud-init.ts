/** The files of a NoCloud seed, as text. https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html */
export interface SeedFiles {
  readonly 'user-data': string;
  readonly 'meta-data': string;
  readonly 'network-config': string;
}

/** The medium from which a guest's cloud-init learns who it is at its first boot. */
export interface CloudInitSeeds {
  /** Makes the ISO, readable by QEMU's user alone; replaces one that is there. Throws DISK_FAILED. */
  make(path: string, files: SeedFiles): Promise<void>;
  /** No error if there is none. */
  remove(path: string): Promise<void>;
  /** SHA-512 crypt with a random salt: "$6$…". */
  hashPassword(password: string): Promise<string>;
}
