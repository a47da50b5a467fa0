import { type Static, Type } from 'typebox';
import { route } from './route.ts';
import { bytes, exact, isoTime, list, ms, nameParams, rate } from './shapes.ts';

/** How busy a node was in the time since the sample before. */
export const loadSampleSchema = exact({
  at: isoTime,
  /** 0 to 100: of all CPUs that the node may use. */
  cpuPercent: Type.Number(),
  memoryUsedBytes: bytes,
  memoryTotalBytes: bytes,
  /** Over all of its networks together. */
  receivedBytesPerSecond: rate,
  sentBytesPerSecond: rate,
});
export type LoadSample = Static<typeof loadSampleSchema>;

export const nodeLoadSchema = exact({
  node: Type.String(),
  /** Between two samples. One that is missing was not measured, or did not get here. */
  periodMs: ms,
  /** Oldest first. */
  samples: list(loadSampleSchema),
  /** VMs that run there, as of the newest sample. */
  vms: list(
    exact({
      name: Type.String(),
      /** 100: all of its virtual CPUs are busy. A little more where QEMU's own work comes on top. */
      cpuPercent: Type.Number(),
    }),
  ),
});
export type NodeLoad = Static<typeof nodeLoadSchema>;

export const getNodeLoad = route({
  method: 'GET',
  path: '/nodes/:name/load',
  summary: 'CPU, memory and network of a node over the last ten minutes. Measured best effort, known to every node.',
  params: nameParams,
  response: { 200: nodeLoadSchema },
});
