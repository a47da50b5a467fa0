import type { NodeLoadSample } from '../model/load.ts';
import type { VmName } from '../model/names.ts';

/** How busy this machine is. It only reads; what cannot be read is missing, not an error. */
export interface NodeLoadMeter {
  /** Since the call before; null at the first one. `wallMs`: the wall clock now. */
  sampleNode(wallMs: number): Promise<NodeLoadSample | null>;
  /** CPU use of the QEMU processes since the call before, for those that were there then: 100 is all virtual CPUs of the VM. */
  sampleVms(processes: readonly VmProcess[]): Promise<Readonly<Record<VmName, number>>>;
}

export interface VmProcess {
  readonly vm: VmName;
  readonly pid: number;
  readonly cpus: number;
}
