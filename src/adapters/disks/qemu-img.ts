import { spawn } from 'node:child_process';

export interface QemuUser {
  readonly uid: number;
  readonly gid: number;
}

/** Its message is qemu-img's last words. */
export class QemuImgFailed extends Error {
  /** Exit status; null if it was killed or never ran. */
  readonly status: number | null;

  constructor(message: string, status: number | null) {
    super(message);
    this.name = 'QemuImgFailed';
    this.status = status;
  }
}

export interface QemuImgOptions {
  /** Runs as this user: what it makes belongs to it, and a hostile image meets no root. */
  readonly user: QemuUser | null;
  /** Open file that is to be read; its path inside the process is {@link SOURCE_PATH}. */
  readonly sourceFd?: number;
}

/** Path of the open source in qemu-img's own process: the very file that was looked at, whatever its name means by now. */
export const SOURCE_PATH = '/proc/self/fd/3';

/** Runs qemu-img, without a shell. Resolves with its output; throws {@link QemuImgFailed} with its last words. */
export function runQemuImg(args: readonly string[], { user, sourceFd }: QemuImgOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('qemu-img', [...args], {
      stdio: ['ignore', 'pipe', 'pipe', ...(sourceFd === undefined ? [] : [sourceFd])],
      cwd: '/',
      ...(user === null ? {} : { uid: user.uid, gid: user.gid }),
    });
    let output = '';
    let lastWords = '';
    child.stdout?.on('data', (text) => {
      output += String(text);
    });
    child.stderr?.on('data', (text) => {
      lastWords = (lastWords + String(text)).slice(-2000);
    });
    child.on('error', (error) => reject(new QemuImgFailed(error.message, null)));
    child.on('close', (status, signal) => {
      if (status === 0) resolve(output);
      else reject(new QemuImgFailed(lastWords.trim() || `qemu-img ended with ${signal ?? `status ${status}`}`, status));
    });
  });
}
