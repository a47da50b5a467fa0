import { answeredError } from '../../../src/client/answered-error.ts';
import type { BrowserTransport } from '../../../src/client/browser-transport.ts';
import { GodwitError } from '../../../src/contract/error-body.ts';
import { uploadImage } from '../../../src/contract/images.ts';
import { path } from '../../../src/contract/route.ts';

export interface Upload {
  readonly transport: BrowserTransport;
  readonly name: string;
  readonly file: File;
  readonly progress: (sent: number, total: number) => void;
  readonly signal: AbortSignal;
}

/** Sends a file of any size. fetch cannot say how far an upload is, so this is the older interface. */
export function uploadFile({ transport, name, file, progress, signal }: Upload): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', new URL(path(uploadImage, { params: { name } }), transport.origin));
    for (const [header, value] of Object.entries(transport.headers('POST'))) request.setRequestHeader(header, value);
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.upload.onprogress = ({ loaded, total }) => progress(loaded, total);
    request.onload = () => {
      if (request.status === 201) resolve();
      else reject(answeredError(request.status, bodyOf(request.responseText)));
    };
    request.onerror = () => reject(broken(name));
    request.onabort = () => reject(broken(name));
    signal.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}

function bodyOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function broken(name: string): GodwitError {
  return new GodwitError({
    code: 'CLUSTER_UNREACHABLE',
    message: `The upload of ${name} was interrupted.`,
    state: 'Nothing of the file was kept, and no VM was made.',
    nextStep: 'Try again; check the connection to the node if it happens once more.',
  });
}
