/** Sends a file as the body of a request, however large, from Node.js. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { GodwitError } from '../contract/error-body.ts';
import { parseClusterUrl } from './cluster-url.ts';
import type { NodeTransportOptions } from './node-transport.ts';
import type { Transport, TransportAnswer, TransportRequest } from './transport.ts';

/** Nothing is taken any more for this long: the connection is given up. */
const STALL_MS = 60_000;

export interface Upload {
  /** Path of the file on this machine. */
  readonly file: string;
  /** Called with all that has been handed to the connection. */
  readonly onProgress?: (sentBytes: number, totalBytes: number) => void;
}

/** A transport whose requests have the file as their body, for `createClient(…).call(uploadImage, …)`. */
export function createUploadTransport(options: NodeTransportOptions, upload: Upload): Transport {
  return {
    request: (request) => send(options, request, upload),
    openLive: () => {
      throw new Error('An upload has no live channel.');
    },
  };
}

async function send(
  { url, user, password, ca, anyNode }: NodeTransportOptions,
  { method, path }: TransportRequest,
  { file, onProgress }: Upload,
): Promise<TransportAnswer> {
  const base = parseClusterUrl(url);
  const { size } = await stat(file);
  return await new Promise<TransportAnswer>((resolve, reject) => {
    const content = createReadStream(file, { highWaterMark: 1024 * 1024 });
    const outgoing = httpsRequest(
      new URL(path, base),
      {
        ...{ method, agent: false, timeout: STALL_MS },
        ...(ca !== null && { ca }),
        ...(anyNode === true && { checkServerIdentity: () => undefined }),
        headers: {
          authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
          ...{ accept: 'application/json', 'content-type': 'application/octet-stream', 'content-length': size },
        },
      },
      (incoming) => {
        // Also an answer that comes before the end: a refusal.
        content.destroy();
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          outgoing.destroy();
          resolve({ status: incoming.statusCode ?? 0, body: parseJson(Buffer.concat(chunks).toString('utf8')) });
        });
      },
    );
    const fail = (error: Error) => {
      content.destroy();
      outgoing.destroy();
      reject(broken(base, error));
    };
    let sent = 0;
    content.on('data', (chunk) => {
      sent += chunk.length;
      onProgress?.(sent, size);
    });
    content.on('error', fail);
    outgoing.on('timeout', () => fail(new Error(`nothing was taken for ${STALL_MS / 1000} s`)));
    outgoing.on('error', fail);
    content.pipe(outgoing);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function broken(base: URL, error: Error): GodwitError {
  return new GodwitError({
    code: 'CLUSTER_UNREACHABLE',
    message: `The upload to ${base.origin} broke off: ${error.message}.`,
    state: 'Nothing of it is left, unless all of it had arrived.',
    nextStep: 'See `godwit image list`, and try again.',
  });
}
