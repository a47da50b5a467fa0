/** A disk of its own for one member of the store, so small that it can be filled. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { type LabCluster, until } from './lab-cluster.ts';

/** Two segments of etcd's log and its database, and little more. */
const SIZE = '200m';
const FILLER = 'filler';

/** Holes stay holes: what etcd has set aside for later needs space again. */
const MOVE = `set -e
mkdir -p /tmp/small
mount -n -t tmpfs -o size=${SIZE} small /tmp/small
cp -a --sparse=always "$1/." /tmp/small/
mount -n --move /tmp/small "$1"`;

const run = promisify(execFile);

export class SmallDisk {
  readonly #lab: LabCluster;
  readonly #node: string;
  readonly #directory: string;

  private constructor(lab: LabCluster, node: string, directory: string) {
    this.#lab = lab;
    this.#node = node;
    this.#directory = directory;
  }

  /** Moves the data of the node's member there. It ends meanwhile, and its agent starts it again. For as long as the node is on. */
  static async below(lab: LabCluster, node: string): Promise<SmallDisk> {
    const [agent = 0] = lab.pids(node, 'agent');
    const [member = 0] = lab.pids(node, 'etcd');
    const words = readFileSync(`/proc/${member}/cmdline`, 'utf8').split('\0');
    const directory = words.find((word) => word.startsWith('--data-dir='))?.slice('--data-dir='.length) ?? '';
    const disk = new SmallDisk(lab, node, directory);
    // The agent would start the member again before its data is there.
    process.kill(agent, 'SIGSTOP');
    try {
      process.kill(member, 'SIGKILL');
      await until('the member has ended', () => !existsSync(`/proc/${member}/exe`), 5000);
      await disk.#inMachine(MOVE);
    } finally {
      process.kill(agent, 'SIGCONT');
    }
    return disk;
  }

  /** To the last byte. */
  async fill(): Promise<void> {
    await this.#inMachine(`cat /dev/zero >>"$1/${FILLER}" 2>/dev/null || true`);
  }

  async clear(): Promise<void> {
    await this.#inMachine(`rm -f "$1/${FILLER}"`);
  }

  async #inMachine(script: string): Promise<void> {
    const [agent = 0] = this.#lab.pids(this.#node, 'agent');
    const entry = ['--target', String(agent), '--mount', '--', 'sh', '-c', script, 'sh', this.#directory];
    await run('nsenter', entry);
  }
}
