import { GodwitError, NOTHING_CHANGED } from './errors.ts';

/** Name of a node, e.g. "node1". */
export type NodeName = string;
/** Name of a VM, unique in the cluster, e.g. "WebServer". */
export type VmName = string;
/** Id of a migration: 26 characters, sorts by time. */
export type MigrationId = string;
/** One QEMU process of a VM on one node; a new id for every process that is started. */
export type InstanceId = string;
/** Revision in the store at which a key was last written: decimal text of a 64-bit integer, "0" for absent. */
export type Revision = string;

const NAME_PATTERN = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

/** Names are host-name labels: 1 to 63 letters, digits and hyphens, no hyphen at either end. */
export function isWellFormedName(text: string): boolean {
  return NAME_PATTERN.test(text);
}

/** Returns the name, or throws NAME_MALFORMED. */
export function parseName(kind: 'VM' | 'node' | 'cluster' | 'lab', text: string): string {
  if (isWellFormedName(text)) return text;
  throw new GodwitError({
    code: 'NAME_MALFORMED',
    message: `"${text}" cannot be the name of a ${kind}.`,
    state: NOTHING_CHANGED,
    nextStep: 'Use 1 to 63 letters, digits and hyphens, beginning and ending with a letter or digit.',
  });
}
