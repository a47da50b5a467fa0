import type { CloudInitSeeds, SeedFiles } from '../../src/ports/cloud-init.ts';
import { GodwitError, NOTHING_CHANGED } from '../../src/model/errors.ts';
import { GIBIBYTE } from '../../src/model/units.ts';
import type { ImageContent, ImageFile, ImageKind, Images } from '../../src/ports/images.ts';

/** Images by their paths, without content. Elsewhere every file is there but those below /no, a disk of 2 GiB unless it ends in .iso. */
export class MemoryImages implements Images {
  readonly directory = '/volumes/shared/images';
  readonly files = new Map<string, ImageFile>();

  add(name: string, kind: ImageKind): void {
    this.files.set(`${this.directory}/${name}`, imageAt(`${this.directory}/${name}`, kind));
  }

  async list(): Promise<ImageFile[]> {
    return [...this.files.values()];
  }

  async look(path: string): Promise<ImageFile | null> {
    const found = this.files.get(path);
    if (found !== undefined || path.startsWith('/no/') || path.startsWith(this.directory)) return found ?? null;
    return imageAt(path, path.endsWith('.iso') ? 'iso' : 'qcow2');
  }

  async freeBytes(): Promise<number> {
    return 100 * GIBIBYTE;
  }

  async receive({ name, content }: ImageContent): Promise<ImageFile> {
    await this.requireRoom(name);
    for await (const _chunk of content);
    this.add(name, 'raw');
    return imageAt(`${this.directory}/${name}`, 'raw');
  }

  async requireRoom(name: string): Promise<void> {
    if (!this.files.has(`${this.directory}/${name}`)) return;
    throw new GodwitError({
      code: 'IMAGE_EXISTS',
      message: `${name} exists.`,
      state: NOTHING_CHANGED,
      nextStep: 'Go.',
    });
  }

  async remove(name: string): Promise<void> {
    if (this.files.delete(`${this.directory}/${name}`)) return;
    throw new GodwitError({ code: 'IMAGE_NOT_FOUND', message: 'None.', state: NOTHING_CHANGED, nextStep: 'Look.' });
  }
}

function imageAt(path: string, kind: ImageKind): ImageFile {
  const name = path.split('/').at(-1) ?? '';
  const virtualSizeBytes = kind === 'iso' ? null : 2 * GIBIBYTE;
  return { name, path, kind, sizeBytes: GIBIBYTE, virtualSizeBytes, reason: null, modifiedAtMs: 0 };
}

/** Seeds by their paths. */
export class MemorySeeds implements CloudInitSeeds {
  readonly files = new Map<string, SeedFiles>();

  async make(path: string, files: SeedFiles): Promise<void> {
    this.files.set(path, files);
  }

  async remove(path: string): Promise<void> {
    this.files.delete(path);
  }

  async hashPassword(password: string): Promise<string> {
    return `$6$salt$${password.length}`;
  }
}
