/** Small records that survive a restart of the agent and a boot of the node. */
export interface LocalNotes {
  /** Undefined: there is none, or it is damaged. */
  read(name: string): unknown;
  /** On disk (fsync of file and directory) when this returns. Throws if that cannot be done. */
  write(name: string, value: unknown): Promise<void>;
}
