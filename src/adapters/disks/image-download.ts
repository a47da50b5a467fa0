import { lookup } from 'node:dns/promises';
import { type IncomingMessage, request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import type { ImageSources, OpenedSource } from '../../ports/images.ts';
import { type AddressRules, whyRefused } from './source-addresses.ts';

const REDIRECTIONS_MAX = 5;
/** Until the server begins to answer. */
const SILENCE_MS = 8000;
/** Between two pieces of the content; a volume that is slow to take them counts as well. */
const STALL_MS = 60_000;

/** `allowed`: addresses and ranges that may be downloaded from although they are the node's or the cluster's. */
export function createImageSources(allowed: readonly string[]): ImageSources {
  return {
    async open(text, { cancelled, clusterAddresses }) {
      const url = new URL(text);
      const abort = new AbortController();
      void cancelled.then(() => abort.abort());
      const rules = { allowed, cluster: [...clusterAddresses, ...ownAddresses()] };
      let next = url;
      for (let hop = 0; hop <= REDIRECTIONS_MAX; hop += 1) {
        const answer = await ask(next, rules, abort.signal);
        const { statusCode = 0, headers } = answer;
        if (statusCode < 300 || statusCode >= 400 || headers.location === undefined) return opened(next, answer);
        answer.destroy();
        next = redirected(next, headers.location);
      }
      throw failed(url, `it redirected more than ${REDIRECTIONS_MAX} times`);
    },
  };
}

/** Also those that no configuration names, such as a bridge's: what listens on all addresses answers there as well. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((one) => (one ?? []).map(({ address }) => address));
}

async function ask(url: URL, rules: AddressRules, signal: AbortSignal): Promise<IncomingMessage> {
  const { address, family } = await resolved(url, rules);
  return await new Promise<IncomingMessage>((resolve, reject) => {
    const options: RequestOptions = {
      ...{ method: 'GET', agent: false, signal, timeout: SILENCE_MS },
      headers: { accept: '*/*', 'user-agent': 'godwit' },
      // The address that was judged is the one that is connected to: a name may mean another one a moment later.
      lookup: (_name, lookupOptions, callback) => {
        if (lookupOptions.all === true) callback(null, [{ address, family }]);
        else callback(null, address, family);
      },
    };
    const outgoing =
      url.protocol === 'https:' ? httpsRequest(url, options, resolve) : httpRequest(url, options, resolve);
    outgoing.on('timeout', () => outgoing.destroy(new Error(`nothing came for ${SILENCE_MS / 1000} s`)));
    outgoing.on('error', (error) => reject(failed(url, error.message)));
    outgoing.end();
  });
}

/** One refused address among those of a name refuses the name. */
async function resolved(url: URL, rules: AddressRules): Promise<{ readonly address: string; readonly family: number }> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const literal = isIP(host);
  const found =
    literal === 0
      ? await lookup(host, { all: true }).catch((error: Error) => {
          throw failed(url, error.message);
        })
      : [{ address: host, family: literal }];
  for (const { address } of found) {
    const why = whyRefused(address, rules);
    if (why === null) continue;
    throw new GodwitError({
      code: 'IMAGE_SOURCE_REFUSED',
      message: `Nothing is downloaded from ${url.host}: it leads to ${address}, ${why}.`,
      state: NOTHING_CHANGED,
      nextStep: 'Download it elsewhere and upload it, or allow the address in `imageSources.allow` of the nodes.',
    });
  }
  const [first] = found;
  if (first === undefined) throw failed(url, 'its name has no address');
  return first;
}

function redirected(from: URL, location: string): URL {
  if (!URL.canParse(location, from.href)) throw failed(from, 'it redirects to something that is no URL');
  const to = new URL(location, from);
  if (to.protocol !== 'https:' && to.protocol !== 'http:') throw failed(from, `it redirects to ${to.protocol}`);
  if (from.protocol === 'https:' && to.protocol === 'http:') throw failed(from, 'it redirects from https to http');
  return to;
}

function opened(url: URL, answer: IncomingMessage): OpenedSource {
  const { statusCode, headers } = answer;
  const type = headers['content-type'] ?? '';
  if (statusCode !== 200 || type.startsWith('text/html')) {
    answer.destroy();
    throw failed(
      url,
      statusCode === 200 ? 'it is a web page, not an image' : `it answered with HTTP status ${statusCode}`,
    );
  }
  answer.setTimeout(STALL_MS);
  const length = headers['content-length'];
  return { content: contentOf(url, answer), totalBytes: length === undefined ? null : Number(length) };
}

async function* contentOf(url: URL, answer: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of answer) yield chunk as Uint8Array;
  } catch (error) {
    throw failed(url, error instanceof Error ? error.message : String(error));
  }
}

function failed(url: URL, why: string): GodwitError {
  return new GodwitError({
    code: 'IMAGE_DOWNLOAD_FAILED',
    message: `${url.origin}${url.pathname} could not be downloaded: ${why}.`,
    state: 'Nothing of it is left.',
    nextStep: 'Check the URL, and that the node reaches it; or download it elsewhere and upload it.',
  });
}
