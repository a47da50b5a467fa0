import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  cancelImageTransfer,
  deleteImage,
  fetchImage,
  type ImageView,
  listImages,
  listImageTransfers,
  uploadImage,
} from '../contract/images.ts';
import { isoDate } from '../migration/write-receipt.ts';
import type { ClusterState } from '../model/cluster-state.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { ImageFile } from '../ports/images.ts';
import type { ApiContext } from './context.ts';
import { checkImageName } from './guest-image.ts';
import { ImageTransfers } from './image-transfers.ts';
import { invalid } from './invalid-input.ts';
import { allCdromsOf } from './pending-hardware.ts';
import { existingVms } from './read-state.ts';
import { answer, ERROR_SCHEMA_ID, serve } from './resource.ts';

export function serveImages(app: FastifyInstance, context: ApiContext): void {
  const transfers = new ImageTransfers(context);
  app.addHook('onClose', async () => transfers.cancelAll());
  serve(app, listImages, async () => answer(200, await overview(context, transfers)));
  serve(app, fetchImage, async ({ body }) => {
    const url = checkUrl(body.url);
    const name = checkImageName(body.name ?? requireLastPart(url));
    return answer(202, await transfers.start(url, name));
  });
  serve(app, listImageTransfers, () => answer(200, transfers.list()));
  serve(app, cancelImageTransfer, ({ params: { id } }) => answer(200, transfers.cancel(id)));
  serve(app, deleteImage, async ({ params: { name } }) => {
    checkImageName(name);
    refuseUsed(context.reader.current(), `${context.images.directory}/${name}`);
    refuseOwn(context, name);
    await context.images.remove(name);
    return answer(200, { name });
  });
  serveUpload(app, context);
}

/** In a scope of its own, where a body is a stream and not read into memory. */
function serveUpload(app: FastifyInstance, context: ApiContext): void {
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    scope.route<{ Params: { name: string } }>({
      method: uploadImage.method,
      url: uploadImage.path,
      bodyLimit: Number.MAX_SAFE_INTEGER,
      config: { longBody: true },
      schema: {
        summary: uploadImage.summary,
        consumes: ['application/octet-stream'],
        params: uploadImage.params,
        response: { ...uploadImage.response, default: { $ref: `${ERROR_SCHEMA_ID}#` } },
      },
      handler: async (request, reply) => {
        const image = await receive(context, request);
        return reply.code(201).send(imageView(context.reader.current(), image));
      },
    });
  });
}

async function receive(
  { images }: ApiContext,
  request: FastifyRequest<{ Params: { name: string } }>,
): Promise<ImageFile> {
  const name = checkImageName(request.params.name);
  const length = request.headers['content-length'];
  const totalBytes = length === undefined ? null : Number(length);
  if (totalBytes === 0) throw invalid('The body is empty.', 'Send the file as the body of the request.');
  await images.requireRoom(name, totalBytes);
  try {
    // The connection stays, so that a refusal half-way can be answered.
    const content = request.raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    return await images.receive({ name, content, totalBytes });
  } finally {
    request.raw.resume();
  }
}

async function overview(context: ApiContext, transfers: ImageTransfers) {
  const { config, images, reader } = context;
  const own = new Set([config.labImage?.kernel, config.labImage?.initrd]);
  const found = (await images.list()).filter(({ path }) => !own.has(path));
  const state = reader.current();
  return {
    images: found.map((image) => imageView(state, image)),
    lab: config.labImage !== null,
    directory: images.directory,
    freeBytes: await images.freeBytes(),
    transfers: transfers.list(),
  };
}

function imageView(state: ClusterState, image: ImageFile): ImageView {
  const { name, kind, sizeBytes, virtualSizeBytes, reason, modifiedAtMs, path } = image;
  const modifiedAt = isoDate(modifiedAtMs);
  return { name, kind, sizeBytes, virtualSizeBytes, reason, modifiedAt, usedBy: usersOf(state, path) };
}

function usersOf(state: ClusterState, path: string): string[] {
  return existingVms(state)
    .filter(({ record }) => allCdromsOf(record.value).some((cdrom) => cdrom.path === path))
    .map(({ record }) => record.value.definition.name);
}

function refuseUsed(state: ClusterState, path: string): void {
  const users = usersOf(state, path);
  if (users.length === 0) return;
  throw new GodwitError({
    code: 'IMAGE_IN_USE',
    message: `The image is in the CD drive of ${users.join(', ')}.`,
    state: NOTHING_CHANGED,
    nextStep: `Take it out with \`godwit vm set ${users[0]} --eject\` first.`,
    details: { vms: users },
  });
}

/** Every VM of the lab boots from these files. */
function refuseOwn({ config, images }: ApiContext, name: string): void {
  const path = `${images.directory}/${name}`;
  if (path !== config.labImage?.kernel && path !== config.labImage?.initrd) return;
  throw invalid(`${name} is a part of the image "lab".`, 'Keep it.');
}

function checkUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && (url.protocol === 'https:' || url.protocol === 'http:')) return url;
  throw invalid(
    `"${text}" is no URL that an image can be downloaded from.`,
    'Give one that begins with https:// or http://.',
  );
}

/** Throws INVALID_INPUT. */
function requireLastPart(url: URL): string {
  const last = lastPart(url);
  if (last !== '') return last;
  throw invalid(`"${url.href}" does not end with the name of a file.`, 'Give the image a name: --as NAME.');
}

function lastPart({ pathname }: URL): string {
  const parts = pathname.split('/').filter((part) => part !== '');
  const last = parts.at(-1) ?? '';
  try {
    return decodeURIComponent(last);
  } catch {
    // Not every "%" in a URL stands for something.
    return last;
  }
}
