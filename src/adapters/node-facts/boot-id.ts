import { randomUUID } from 'node:crypto';
import { link, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The id of this boot of the machine: made at first use and kept in `<runtimeDirectory>/boot-id`.
 *
 * The kernel's own boot id would not do alone, because the machines of a lab share one kernel. The runtime
 * directory is a tmpfs that a reboot empties, so the file goes with the boot. Where it is not a tmpfs, the
 * file survives the reboot; therefore the kernel's boot id is stored beside ours, and a file
 * written under another kernel counts as absent.
 */
export async function readBootId(runtimeDirectory: string): Promise<string> {
  const kernelBootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  return readOrMakeBootId(runtimeDirectory, kernelBootId);
}

/** {@link readBootId} for a given kernel. */
export async function readOrMakeBootId(runtimeDirectory: string, kernelBootId: string): Promise<string> {
  const file = join(runtimeDirectory, 'boot-id');
  const known = await readStored(file);
  if (known?.kernelBootId === kernelBootId) return known.bootId;
  if (known !== undefined) await unlink(file).catch(ignoreAbsent);

  // A hard link appears with its whole content or not at all, and only one of two agents can make it.
  const draft = join(runtimeDirectory, `boot-id.${randomUUID()}`);
  await writeFile(draft, `${kernelBootId} ${randomUUID()}\n`, { mode: 0o644 });
  try {
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await unlink(draft).catch(ignoreAbsent);
  }
  const stored = await readStored(file);
  if (stored === undefined) throw new Error(`The boot id in ${file} cannot be read back.`);
  return stored.bootId;
}

/** Undefined if there is none; a damaged one belongs to no kernel, so that it is made anew. */
async function readStored(
  file: string,
): Promise<{ readonly kernelBootId: string; readonly bootId: string } | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const [kernelBootId, bootId] = text.trim().split(' ');
  if (kernelBootId === undefined || bootId === undefined || bootId === '') return { kernelBootId: '', bootId: '' };
  return { kernelBootId, bootId };
}

function ignoreAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
