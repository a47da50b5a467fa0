/** Brings images into the cluster, and waits until they are there. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cancelImageTransfer, fetchImage, type ImageTransfer, type ImageView, listImages } from '../contract/images.ts';
import { ERROR_CODES, type ErrorCode, GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { Cluster } from './cluster.ts';
import type { Context } from './context.ts';
import { showTransfer } from './image-transfer-view.ts';

const POLL_MS = 300;

export async function bringFile(
  { context, cluster }: { readonly context: Context; readonly cluster: Cluster },
  file: string,
  name = basename(file),
): Promise<ImageView> {
  const stats = await stat(file).catch(() => null);
  if (stats?.isFile() !== true) {
    throw new GodwitError({
      code: 'INVALID_INPUT',
      message: stats === null ? `There is no file ${file} on this machine.` : `${file} is not a file.`,
      state: NOTHING_CHANGED,
      nextStep: 'Give the path of an image file.',
    });
  }
  const display = showTransfer(context, name);
  try {
    return await cluster.upload(name, { file, onProgress: (sent, total) => display.show(sent, total) });
  } finally {
    display.end();
  }
}

/** Ctrl-C ends the download too, as it ends everything that this command began. */
export async function bringUrl(
  { context, cluster }: { readonly context: Context; readonly cluster: Cluster },
  url: string,
  name: string | undefined,
): Promise<ImageView> {
  let transfer = await cluster.call(fetchImage, { body: { url, ...(name !== undefined && { name }) } });
  const display = showTransfer(context, transfer.name);
  const cancel = () => {
    void cluster.call(cancelImageTransfer, { params: { id: transfer.id } }).finally(() => process.exit(130));
  };
  process.once('SIGINT', cancel);
  try {
    for (;;) {
      display.show(transfer.receivedBytes, transfer.totalBytes);
      const { images, transfers } = await cluster.call(listImages);
      const found = transfers.find(({ id }) => id === transfer.id);
      const image = images.find((one) => one.name === transfer.name);
      if (found === undefined || found.state === 'done') {
        if (image !== undefined) return image;
        throw lost(transfer);
      }
      transfer = found;
      if (transfer.state !== 'running') throw failure(transfer);
      await sleep(POLL_MS);
    }
  } finally {
    process.off('SIGINT', cancel);
    display.end();
  }
}

export async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

function failure({ name, state, error, node }: ImageTransfer): GodwitError {
  const code = error !== null && error.code in ERROR_CODES ? (error.code as ErrorCode) : 'IMAGE_DOWNLOAD_FAILED';
  return new GodwitError({
    code,
    message: error?.message ?? `The download of ${name} by ${node} was ${state}.`,
    state: 'Nothing of it is left.',
    nextStep: error?.nextStep ?? 'Try again if it is still wanted.',
  });
}

function lost({ name, node }: ImageTransfer): GodwitError {
  return new GodwitError({
    code: 'IMAGE_DOWNLOAD_FAILED',
    message: `${node} knows nothing of the download of ${name} any more: its agent was started anew.`,
    state: 'Nothing of it is left.',
    nextStep: 'Try again.',
  });
}
