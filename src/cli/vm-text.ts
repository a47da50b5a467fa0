import type { VmView } from '../contract/vms.ts';
import { formatBytes, formatMs } from '../model/units.ts';
import { type Look, type Style } from './look.ts';
import { renderFacts } from './table.ts';
import { ago } from './times.ts';

/** "WebServer is running on node1 (10.78.0.100)." */
export function vmSentence(vm: VmView): string {
  const place = vm.owner === null || vm.state === 'off' ? '' : ` on ${vm.owner}`;
  const address = vm.state === 'running' && vm.addresses[0] !== undefined ? ` (${vm.addresses.join(', ')})` : '';
  return `${vm.name} ${vm.state === 'failed' ? 'has failed' : `is ${vm.state}`}${place}${address}.`;
}

const STATE_STYLES: Readonly<Record<VmView['state'], Style>> = {
  off: 'dim',
  starting: 'yellow',
  running: 'green',
  paused: 'yellow',
  migrating: 'cyan',
  saved: 'dim',
  failed: 'red',
};

export function vmStateText(vm: VmView, look: Look): string {
  return look.paint(STATE_STYLES[vm.state], vm.state);
}

export function renderVm(vm: VmView, look: Look, nowMs: number): string {
  const facts: (readonly [string, string])[] = [
    ['name', vm.name],
    ['state', `${vmStateText(vm, look)}${vm.since === null ? '' : ` (since ${ago(vm.since, nowMs)})`}`],
    ['reason', vm.reason ?? '–'],
    ['owner', vm.owner ?? '–'],
    ['addresses', vm.addresses.join(', ') || '–'],
    ['memory', formatBytes(vm.memoryBytes)],
    ['CPUs', String(vm.cpus)],
    ['budget', formatMs(vm.budgetMs)],
    ['highly available', vm.highlyAvailable ? 'yes' : 'no'],
    ['automatic start', vm.automaticStart ? 'yes' : 'no'],
    ['machine', `${vm.machineType}, ${vm.cpuModel}, ${vm.accelerator}`],
    ['free-page hinting', vm.freePageHinting ? 'on' : 'off'],
    ...vm.disks.map((disk) => [disk.id, `${disk.path} (${disk.format}, ${formatBytes(disk.sizeBytes)})`] as const),
    ...vm.nics.map(
      (nic) =>
        [nic.id, `${nic.macAddress} on ${nic.switchName}${nic.address === null ? '' : `, ${nic.address}`}`] as const,
    ),
    ['created', ago(vm.createdAt, nowMs)],
  ];
  if (vm.migration !== null) facts.push(['migration', `${vm.migration.id} in ${vm.migration.phase}`]);
  if (vm.error !== null) facts.push(['error', `${vm.error.message} ${vm.error.nextStep} (${vm.error.code})`]);
  return renderFacts(facts, look);
}
