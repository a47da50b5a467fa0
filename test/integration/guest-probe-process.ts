import { createInterface } from 'node:readline';
import { FrameSocket } from '../../src/adapters/linux-network/frame-socket.ts';
import { createGuestProbes } from '../../src/adapters/linux-network/guest-probe.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import type { Log } from '../../src/ports/log.ts';

/**
 * An observer in a network namespace of its own, which a process cannot change for itself:
 * `guest-probe-process.ts ADDRESS PORT GUEST-MAC GUEST-ADDRESS`. Prints its network identifier, then one line of JSON for
 * each line it reads: `start ADDRESS PORT`, `result`, `stop`. Ends with its input.
 */
const [address = '', port = '', macAddress = '', guestAddress = ''] = process.argv.slice(2);
const log: Log = {
  debug: (message, fields) => console.error(message, JSON.stringify(fields)),
  info() {},
  warn: (message, fields) => console.error(message, JSON.stringify(fields)),
  error: (message, fields) => console.error(message, JSON.stringify(fields)),
};

const probes = createGuestProbes({
  frameSocket: new FrameSocket({ address, port: Number(port), clock: systemClock, log }),
  kernelPort: 0,
  switches: [],
  clock: systemClock,
  log,
});
const run = await probes.observe({ macAddress, address: guestAddress });
console.log(JSON.stringify({ vni: run.vni }));

for await (const line of createInterface({ input: process.stdin })) {
  const [command, toAddress = '', toPort = ''] = line.split(' ');
  if (command === 'start') run.start({ address: toAddress, port: Number(toPort) });
  console.log(JSON.stringify(command === 'stop' ? run.stop() : run.result()));
}
run.stop();
