/**
 * A process outside of all machines of a lab. It is their watchdog: it resets a node, as the hardware of a real one would, when the
 * node's guard was silent for longer than the device grants. And it is the power switch that the nodes' management controllers
 * turn. Arguments: the lab's name, then the nodes'.
 */
import { constants, openSync, readSync } from 'node:fs';
import { setPriority } from 'node:os';
import { labPaths } from './lab-state.ts';
import { NodePower } from './node-power.ts';
import { POWER_OFF, POWER_ON, POWER_RESET } from './power-switch.ts';
import { MAGIC_CLOSE, WATCHDOG_SECONDS } from './watchdog-device.ts';

const PERIOD_MS = 20;
const BUFFER = Buffer.alloc(4096);

interface Hardware {
  readonly node: string;
  readonly power: NodePower;
  readonly watchdog: number;
  readonly powerSwitch: number;
  /** On the monotonic clock; null: nobody has armed the watchdog since the node was switched on. */
  lastWrittenMs: number | null;
}

function say(text: string): void {
  console.log(`${new Date().toISOString()} ${text}`);
}

/** Reads whatever has come before it looks at the clock: what this process was late by is no silence of a node's. */
function lookAtWatchdog(hardware: Hardware): void {
  const { node, power, watchdog } = hardware;
  const newest = newestByte(watchdog);
  if (newest === MAGIC_CLOSE) {
    if (hardware.lastWrittenMs !== null) say(`${node}: disarmed`);
    hardware.lastWrittenMs = null;
  } else if (newest !== null) {
    if (hardware.lastWrittenMs === null) say(`${node}: armed`);
    hardware.lastWrittenMs = performance.now();
  }
  if (hardware.lastWrittenMs === null) return;
  const silentMs = performance.now() - hardware.lastWrittenMs;
  if (silentMs < WATCHDOG_SECONDS * 1000) return;
  hardware.lastWrittenMs = null;
  say(`${node}: nothing came for ${Math.round(silentMs)} ms: it is reset`);
  power.reset();
}

function lookAtPowerSwitch({ node, power, powerSwitch }: Hardware): void {
  const newest = newestByte(powerSwitch);
  if (newest === null) return;
  say(`${node}: the management controller turned its switch to ${newest}`);
  if (newest === POWER_OFF) power.off();
  else if (newest === POWER_ON) power.on();
  else if (newest === POWER_RESET) power.reset();
}

function newestByte(device: number): string | null {
  let newest: string | null = null;
  try {
    for (;;) {
      const length = readSync(device, BUFFER, 0, BUFFER.length, null);
      if (length === 0) return newest;
      newest = String.fromCharCode(BUFFER[length - 1] ?? 0);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') say(String(error));
    return newest;
  }
}

/** For reading and writing: it never ends because a writer has. */
function openFifo(path: string): number {
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
}

function start(lab: string, nodes: readonly string[]): void {
  setPriority(-20);
  const all = nodes.map((node): Hardware => {
    const devices = {
      watchdog: openFifo(labPaths.watchdogDevice(lab, node)),
      powerSwitch: openFifo(labPaths.powerSwitch(lab, node)),
    };
    return { node, ...devices, power: new NodePower(lab, node, say), lastWrittenMs: null };
  });
  setInterval(() => {
    for (const hardware of all) {
      lookAtWatchdog(hardware);
      lookAtPowerSwitch(hardware);
    }
  }, PERIOD_MS);
  process.send?.('ready');
}

const [lab, ...nodes] = process.argv.slice(2);
if (lab !== undefined) start(lab, nodes);
