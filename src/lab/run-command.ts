import { spawn } from 'node:child_process';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';

export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Written to standard input, which is then closed. */
  readonly input?: string;
  readonly cwd?: string;
}

/** Debian package that brings a program; for the sentence that says how to get it. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  'apt-cache': 'apt',
  'apt-get': 'apt',
  cpio: 'cpio',
  'dpkg-deb': 'dpkg',
  gzip: 'gzip',
  ip: 'iproute2',
  ipmi_sim: 'openipmi',
  mkfifo: 'coreutils',
  mount: 'mount',
  nsenter: 'util-linux',
  'qemu-img': 'qemu-utils',
  'qemu-system-x86_64': 'qemu-system-x86',
  sysctl: 'procps',
  tar: 'tar',
  tc: 'iproute2',
  ethtool: 'ethtool',
  tini: 'tini',
  umount: 'mount',
  unshare: 'util-linux',
  xz: 'xz-utils',
};

/** The environment of everything the lab starts; `sbin` is missing from the PATH of many users, and messages must be English. */
export function labEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`, LC_ALL: 'C.UTF-8' };
}

/** Runs a program to its end, without a shell, and returns whatever status it ends with. */
export function tryCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [program = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: labEnvironment(),
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'ENOENT' ? programMissing(program) : error);
    });
    child.once('close', (status) => resolve({ status: status ?? 255, stdout, stderr }));
    if (options.input !== undefined) {
      // A program that ends early must be reported by its status, not by a broken pipe.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(options.input);
    }
  });
}

/** Runs a program to its end and returns what it wrote; throws LAB_FAILED if it fails. */
export async function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await tryCommand(argv, options);
  if (result.status === 0) return result.stdout;
  const said = result.stderr.trim().split('\n').slice(-3).join(' ') || `status ${result.status}`;
  throw new GodwitError({
    code: 'LAB_FAILED',
    message: `\`${argv.join(' ')}\` failed: ${said}`,
    state: 'The lab may be half built or half taken down.',
    nextStep: 'Run `godwit lab down`, then try again.',
  });
}

export function programMissing(program: string): GodwitError {
  const name = PACKAGE_OF[program];
  return new GodwitError({
    code: 'REQUIREMENT_MISSING',
    message: `The program ${program} is missing on this machine.`,
    state: NOTHING_CHANGED,
    nextStep: name === undefined ? `Install ${program}.` : `Install it: apt-get install ${name}`,
  });
}
