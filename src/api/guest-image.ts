// What the word that a user gives as an image stands for.
import type { AgentConfig } from '../model/agent-config.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { ImageFile } from '../ports/images.ts';
import type { ApiContext } from './context.ts';
import { invalid } from './invalid-input.ts';

/** Names that are parts of paths of the API. */
const RESERVED_NAMES = new Set(['fetch', 'transfers', 'lab']);
const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$/;

/** Throws NAME_MALFORMED. */
export function checkImageName(name: string): string {
  if (NAME_PATTERN.test(name) && !RESERVED_NAMES.has(name)) return name;
  throw new GodwitError({
    code: 'NAME_MALFORMED',
    message: `"${name}" cannot be the name of an image.`,
    state: NOTHING_CHANGED,
    nextStep: `Use letters, digits, ".", "_", "+" and "-", at most 100, and none of ${[...RESERVED_NAMES].join(', ')}.`,
  });
}

/** Where the guest's system comes from. */
export type GuestImage =
  | { readonly kind: 'lab'; readonly lab: NonNullable<AgentConfig['labImage']> }
  | { readonly kind: 'file'; readonly file: string }
  /** One of the cluster's images. */
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'empty' };

/** The same, looked at. */
export type FoundImage =
  | Extract<GuestImage, { readonly kind: 'lab' | 'empty' }>
  | { readonly kind: 'disk'; readonly file: string; readonly virtualSizeBytes: number }
  | { readonly kind: 'medium'; readonly file: string };

/** Throws INVALID_INPUT or IMAGE_NOT_FOUND. */
export async function findImage(context: ApiContext, image: GuestImage): Promise<FoundImage> {
  if (image.kind === 'lab' || image.kind === 'empty') return image;
  const found = await requireImage(context, image.kind === 'file' ? image.file : image.name);
  if (found.kind === 'iso') return { kind: 'medium', file: found.path };
  // Also says whether QEMU's user may read it.
  return { kind: 'disk', file: found.path, virtualSizeBytes: await context.disks.virtualSizeBytes(found.path) };
}

/** The file of an ISO. Throws INVALID_INPUT or IMAGE_NOT_FOUND. */
export async function findMedium(context: ApiContext, image: string): Promise<string> {
  const found = await requireImage(context, image);
  if (found.kind === 'iso') return found.path;
  throw invalid(`${image} is no medium for a CD drive: it is ${found.kind}.`, 'Give an ISO image.');
}

/** `image`: the name of one of the cluster's, or an absolute path. */
async function requireImage({ images, config }: ApiContext, image: string): Promise<ImageFile> {
  const named = !image.startsWith('/');
  const found = await images.look(named ? `${images.directory}/${checkImageName(image)}` : image);
  if (found !== null) return found;
  throw new GodwitError({
    code: 'IMAGE_NOT_FOUND',
    message: named ? `There is no image "${image}".` : `There is no file ${image} on ${config.node}.`,
    state: NOTHING_CHANGED,
    nextStep: named
      ? 'See `godwit image list`; `godwit image upload FILE` and `godwit image fetch URL` bring others.'
      : 'Upload it with `godwit image upload FILE`, or copy it to a volume and give its path there.',
  });
}
