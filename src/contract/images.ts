import { type Static, Type } from 'typebox';
import { route } from './route.ts';
import { bytes, exact, isoTime, list, nameParams, nullable, oneOf } from './shapes.ts';

/** A file in the directory of images on the cluster's volume. */
const imageViewSchema = exact({
  name: Type.String(),
  /** By its content: `iso` is a medium for a CD drive, `unsuitable` nothing that a VM can use. */
  kind: oneOf(['qcow2', 'raw', 'iso', 'unsuitable']),
  sizeBytes: bytes,
  /** Of the disk in it; null for an ISO. */
  virtualSizeBytes: nullable(bytes),
  /** Why it is unsuitable; else null. */
  reason: nullable(Type.String()),
  modifiedAt: isoTime,
  /** VMs that have it in a CD drive, now or from their next start. */
  usedBy: list(Type.String()),
});
export type ImageView = Static<typeof imageViewSchema>;

/** A download by the node that answers; nodes do not know of each other's. */
const imageTransferSchema = exact({
  id: Type.String(),
  name: Type.String(),
  url: Type.String(),
  /** The node that downloads. */
  node: Type.String(),
  state: oneOf(['running', 'done', 'failed', 'cancelled']),
  receivedBytes: bytes,
  /** Null: the server does not say. */
  totalBytes: nullable(bytes),
  startedAt: isoTime,
  /** Why it failed. */
  error: nullable(exact({ code: Type.String(), message: Type.String(), nextStep: Type.String() })),
});
export type ImageTransfer = Static<typeof imageTransferSchema>;

export const listImages = route({
  method: 'GET',
  path: '/images',
  summary: 'The images of the cluster, by name, and the downloads of the node that answers.',
  response: {
    200: exact({
      images: list(imageViewSchema),
      /** Whether there is the image "lab". */
      lab: Type.Boolean(),
      /** Where they are. */
      directory: Type.String(),
      /** On the volume. */
      freeBytes: bytes,
      transfers: list(imageTransferSchema),
    }),
  },
});

export const uploadImage = route({
  method: 'POST',
  path: '/images/:name',
  summary:
    'Uploads an image of any size: the body is the file (application/octet-stream, with Content-Length). It has its name once all of it is there.',
  params: nameParams,
  response: { 201: imageViewSchema },
});

export const fetchImage = route({
  method: 'POST',
  path: '/images/fetch',
  summary: 'Lets the node that answers download an image (http or https).',
  body: exact({
    url: Type.String(),
    /** The last part of the URL by default. */
    name: Type.Optional(Type.String()),
  }),
  response: { 202: imageTransferSchema },
});

export const listImageTransfers = route({
  method: 'GET',
  path: '/images/transfers',
  summary: 'The downloads of the node that answers, the newest first.',
  response: { 200: list(imageTransferSchema) },
});

export const cancelImageTransfer = route({
  method: 'DELETE',
  path: '/images/transfers/:id',
  summary: 'Cancels a download of the node that answers; nothing of it is left. One that has ended is forgotten.',
  params: exact({ id: Type.String({ minLength: 1 }) }),
  response: { 200: imageTransferSchema },
});

export const deleteImage = route({
  method: 'DELETE',
  path: '/images/:name',
  summary: 'Deletes an image that no VM has in a CD drive. Disks that were made from it are not touched.',
  params: nameParams,
  response: { 200: exact({ name: Type.String() }) },
});
