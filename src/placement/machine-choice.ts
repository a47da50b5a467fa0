// What machine a new VM gets, so that every node that is up can run it: machine type, CPU model and
// accelerator are fixed at creation and go with the VM wherever it moves.
import type { NodeFacts } from '../model/node.ts';
import type { Accelerator } from '../model/vm.ts';

/** Emulated CPUs: a common one without features that QEMU's translator lacks. The first that all nodes have. */
const TCG_MODELS = ['Nehalem-v1', 'Penryn-v1', 'Conroe-v1', 'qemu64-v1', 'kvm64-v1'];

/** Real CPUs, newest first within each maker; a model of the other maker is never offered by `cpuModels`. */
const KVM_MODELS = [
  'SapphireRapids-v1',
  'Icelake-Server-v1',
  'Cascadelake-Server-v1',
  'Skylake-Server-v1',
  'Broadwell-v1',
  'Haswell-v1',
  'IvyBridge-v1',
  'SandyBridge-v1',
  'Westmere-v1',
  'EPYC-Genoa-v1',
  'EPYC-Milan-v1',
  'EPYC-Rome-v1',
  'EPYC-v1',
  ...TCG_MODELS,
];

export type MachineChoice =
  | {
      readonly kind: 'chosen';
      readonly machineType: string;
      readonly cpuModel: string;
      readonly accelerator: Accelerator;
    }
  | { readonly kind: 'none'; readonly reasons: readonly string[] };

/** `nodes`: those that must be able to run the VM. All reasons if there is no common machine. */
export function chooseMachine(nodes: readonly NodeFacts[]): MachineChoice {
  if (nodes.length === 0) return { kind: 'none', reasons: ['No node is up.'] };
  const accelerator = commonAccelerator(nodes);
  const machineType = newestCommonMachineType(nodes);
  const preferred = accelerator === 'kvm' ? KVM_MODELS : TCG_MODELS;
  const cpuModel = preferred.find((model) => nodes.every((node) => node.cpuModels.includes(model)));
  const names = nodes.map((node) => node.name).join(', ');
  const reasons: string[] = [];
  if (accelerator === null) {
    const each = nodes.map((node) => `${node.name}: ${node.accelerator ?? 'none'}`).join(', ');
    reasons.push(`The nodes do not have the same accelerator (${each}).`);
  }
  if (machineType === undefined) reasons.push(`No pc-q35 machine type is common to ${names}.`);
  if (cpuModel === undefined) reasons.push(`No known CPU model is common to ${names}.`);
  if (accelerator === null || machineType === undefined || cpuModel === undefined) return { kind: 'none', reasons };
  return { kind: 'chosen', machineType, cpuModel, accelerator };
}

function commonAccelerator(nodes: readonly NodeFacts[]): Accelerator | null {
  const first = nodes[0]?.accelerator ?? null;
  return nodes.every((node) => node.accelerator === first) ? first : null;
}

function newestCommonMachineType(nodes: readonly NodeFacts[]): string | undefined {
  const common = (nodes[0]?.machineTypes ?? [])
    .flatMap((type) => {
      const match = /^pc-q35-(\d+)\.(\d+)$/.exec(type);
      return match === null ? [] : [{ type, major: Number(match[1]), minor: Number(match[2]) }];
    })
    .filter(({ type }) => nodes.every((node) => node.machineTypes.includes(type)));
  return common.sort((a, b) => b.major - a.major || b.minor - a.minor)[0]?.type;
}
