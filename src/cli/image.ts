import { deleteImage, type ImageView, listImages } from '../contract/images.ts';
import { formatBytes } from '../model/units.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { bringFile, bringUrl } from './image-bring.ts';
import { renderTable } from './table.ts';
import { ago } from './times.ts';

export async function imageList(context: Context): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const answer = await cluster.call(listImages);
  const { look } = context.output;
  const now = Date.now();
  report(context, answer, () => {
    const { images, transfers, directory, freeBytes } = answer;
    const running = transfers.filter(({ state }) => state === 'running');
    const table = renderTable(
      images,
      [
        { title: 'NAME', value: (image) => image.name, shrink: true },
        { title: 'KIND', value: (image) => image.kind },
        { title: 'SIZE', align: 'right', value: (image) => formatBytes(image.sizeBytes) },
        {
          title: 'DISK',
          align: 'right',
          value: ({ virtualSizeBytes: size }) => (size === null ? '–' : formatBytes(size)),
        },
        { title: 'IN THE DRIVE OF', value: (image) => image.usedBy.join(', ') || '–', shrink: true },
        { title: 'SINCE', value: (image) => ago(image.modifiedAt, now) },
      ],
      look,
    );
    return [
      images.length === 0
        ? 'There is no image. Bring one with `godwit image upload FILE` or `godwit image fetch URL`.'
        : table,
      ...running.map(
        ({ name, node, receivedBytes }) => `${node} downloads ${name}: ${formatBytes(receivedBytes)} so far.`,
      ),
      look.paint('dim', `${directory}, ${formatBytes(freeBytes)} free`),
    ].join('\n');
  });
  return EXIT_DONE;
}

export interface BringOptions {
  readonly as?: string;
}

export async function imageUpload(context: Context, file: string, { as }: BringOptions): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  return said(context, await bringFile({ context, cluster }, file, as));
}

export async function imageFetch(context: Context, url: string, { as }: BringOptions): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  return said(context, await bringUrl({ context, cluster }, url, as));
}

function said(context: Context, image: ImageView): ExitStatus {
  report(context, image, () => `${image.name} is there: ${image.kind}, ${formatBytes(image.sizeBytes)}.`);
  return EXIT_DONE;
}

export async function imageDelete(context: Context, name: string): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const deleted = await cluster.call(deleteImage, { params: { name } });
  report(context, deleted, () => `${name} is deleted.`);
  return EXIT_DONE;
}
