import type { VmExplanation } from '../contract/availability.ts';
import type { VmView } from '../contract/vms.ts';
import { formatBytes, formatMs } from '../model/units.ts';
import { eventLine } from './event-text.ts';
import { type Look, type Style, wrap } from './look.ts';
import { renderFacts } from './table.ts';
import { ago } from './times.ts';

/** "WebServer is running on node1 (10.78.0.100)." */
export function vmSentence(vm: VmView): string {
  const place = vm.owner === null || vm.state === 'off' || vm.state === 'saved' ? '' : ` on ${vm.owner}`;
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

/** "priority high; prefers node1; may be on any node …" */
export function settingsText(vm: VmView): string {
  const { priority, preferredOwners, possibleOwners, antiAffinity } = vm.availability;
  return [
    vm.highlyAvailable ? 'highly available' : 'not highly available',
    vm.automaticStart ? 'starts with its node' : 'does not start with its node',
    `priority ${priority}`,
    `prefers ${preferredOwners.join(', then ') || 'no node'}`,
    `may be on ${possibleOwners.join(', ') || 'any node'}`,
    antiAffinity.length === 0 ? 'apart from none' : `apart from others of ${antiAffinity.join(', ')}`,
    `failback ${failbackText(vm)}`,
    `restarts ${restartText(vm)}`,
    `budget ${budgetText(vm)}`,
  ].join('; ');
}

/** What it has, and what waits for its next start. */
export function hardwareText(vm: VmView): string[] {
  const cdroms = vm.cdroms.map(({ path }) => `${path} in the CD drive`);
  const disks = vm.disks.map(({ id, sizeBytes }) => `${id} of ${formatBytes(sizeBytes)}`);
  const nics = vm.nics.map(({ id, switchName }) => `${id} on ${switchName}`);
  const has = [
    formatBytes(vm.memoryBytes),
    `${vm.cpus} ${vm.cpus === 1 ? 'CPU' : 'CPUs'}`,
    ...disks,
    ...nics,
    ...cdroms,
  ];
  const waits = vm.pending?.changes ?? [];
  return [
    `Hardware: ${has.join(', ')}.`,
    ...(waits.length === 0 ? [] : [`When it is started the next time from off: ${waits.join(' ')}`]),
  ];
}

function failbackText({ availability: { failback } }: VmView): string {
  if (!failback.enabled) return 'off';
  const { window } = failback;
  return window === null ? 'at once' : `between ${window.fromHour} and ${window.toHour} h UTC`;
}

function budgetText({ budgetMs, budgetMaxMs }: VmView): string {
  if (budgetMaxMs === null) return `${formatMs(budgetMs)}, never widened`;
  return `${formatMs(budgetMs)}, up to ${formatMs(budgetMaxMs)} if the guest does not converge otherwise`;
}

function restartText({ availability: { restart } }: VmView): string {
  return `${restart.here} × here, then ${restart.elsewhere} × elsewhere`;
}

function availabilityFacts(vm: VmView): (readonly [string, string])[] {
  const { priority, preferredOwners, possibleOwners, antiAffinity } = vm.availability;
  return [
    ['highly available', vm.highlyAvailable ? `yes, priority ${priority}` : 'no'],
    [
      'owners',
      `${possibleOwners.join(', ') || 'any node'}${preferredOwners.length === 0 ? '' : `; prefers ${preferredOwners.join(', then ')}`}`,
    ],
    ...(antiAffinity.length === 0 ? [] : [['apart from', `others of ${antiAffinity.join(', ')}`] as const]),
    ['failback', failbackText(vm)],
    ['restarts', restartText(vm)],
  ];
}

/** Why it is where it is or does not run, what is in its way, and what has happened. */
export function renderExplanation({ why, obstacles, events }: VmExplanation, look: Look): string {
  const part = (title: string, lines: readonly string[]) =>
    lines.length === 0
      ? []
      : [
          `${look.paint('bold', title)}\n${lines.map((line) => `  ${wrap(line, { columns: look.columns, indent: 2 })}`).join('\n')}`,
        ];
  return [
    ...part('WHY', why),
    ...part('IN ITS WAY', obstacles),
    ...part(
      'LAST EVENTS',
      events.map((event) => eventLine(event, look)),
    ),
  ].join('\n\n');
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
    ['budget', budgetText(vm)],
    ...availabilityFacts(vm),
    ['automatic start', vm.automaticStart ? 'yes' : 'no'],
    ['machine', `${vm.machineType}, ${vm.cpuModel}, ${vm.accelerator}`],
    ['free-page hinting', vm.freePageHinting ? 'on' : 'off'],
    ['graphics card', vm.graphics ? 'VGA' : 'none'],
    ...vm.disks.map((disk) => [disk.id, `${disk.path} (${disk.format}, ${formatBytes(disk.sizeBytes)})`] as const),
    ...vm.nics.map(
      (nic) =>
        [nic.id, `${nic.macAddress} on ${nic.switchName}${nic.address === null ? '' : `, ${nic.address}`}`] as const,
    ),
    ...vm.cdroms.map(({ id, path }) => [id === 'seed' ? 'cloud-init' : 'CD drive', path] as const),
    ...savedFacts(vm, nowMs),
    ...(vm.pending === null ? [] : [[whenPending(vm), vm.pending.changes.join(' ')] as const]),
    ['created', ago(vm.createdAt, nowMs)],
  ];
  if (vm.migration !== null) facts.push(['migration', `${vm.migration.id} in ${vm.migration.phase}`]);
  if (vm.error !== null) facts.push(['error', `${vm.error.message} ${vm.error.nextStep} (${vm.error.code})`]);
  return renderFacts(facts, look);
}

function savedFacts({ saved }: VmView, nowMs: number): (readonly [string, string])[] {
  if (saved === null) return [];
  const text = `${formatBytes(saved.sizeBytes)}, saved ${ago(saved.savedAt, nowMs)}; its next start goes on from there`;
  return [['saved memory', text]];
}

/** A guest that goes on does so with the hardware that it knows. */
function whenPending({ saved }: VmView): string {
  return saved === null ? 'at its next start' : 'at its next start without the saved memory';
}
