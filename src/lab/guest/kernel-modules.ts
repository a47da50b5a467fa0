/** Which kernel modules the guest loads at boot, and in which order. Pure. */

/** What the guest needs, by the kernel's own names ("_" and "-" are the same to it). */
export const WANTED_MODULES: readonly string[] = [
  'virtio_pci',
  'virtio_blk',
  'virtio_net',
  'virtio_rng',
  'virtio_balloon',
  'ext4',
  'button',
  'evdev',
  'virtio_input',
];

export interface KernelModules {
  /** Path of each module that is a file, by its normal name. */
  readonly files: ReadonlyMap<string, string>;
  /** Normal names of what is part of the kernel itself. */
  readonly builtin: ReadonlySet<string>;
  /** Normal names of the modules that one of the files needs loaded before it. */
  readonly dependenciesOf: (name: string) => readonly string[];
}

/** "kernel/drivers/char/hw_random/virtio-rng.ko.xz" to "virtio_rng". */
export function moduleName(path: string): string {
  return (path.split('/').at(-1) ?? '').replace(/\.ko(\.xz|\.zst|\.gz)?$/, '').replaceAll('-', '_');
}

/** The modules to load, each after what it depends on. Throws if the kernel has one neither as a file nor built in. */
export function modulesInOrder(wanted: readonly string[], modules: KernelModules): string[] {
  const order: string[] = [];
  const visit = (name: string): void => {
    if (order.includes(name) || modules.builtin.has(name)) return;
    if (!modules.files.has(name)) throw new Error(`The kernel has no module ${name}.`);
    for (const dependency of modules.dependenciesOf(name)) visit(dependency);
    order.push(name);
  };
  for (const name of wanted) visit(name);
  return order;
}

/** Reads "depends=a,b" out of a module file: its `.modinfo` section is a list of zero-terminated texts. */
export function dependenciesInModule(content: Buffer): string[] {
  const match = /\0depends=([^\0]*)\0/.exec(content.toString('latin1'));
  return (match?.[1] ?? '')
    .split(',')
    .filter((name) => name !== '')
    .map((name) => name.replaceAll('-', '_'));
}
