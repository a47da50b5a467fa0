import type { ImageTransfer } from '../contract/images.ts';
import { isoDate } from '../migration/write-receipt.ts';
import { GodwitError, NOTHING_CHANGED, toErrorBody } from '../model/errors.ts';
import type { ApiContext } from './context.ts';

/** Of those that have ended. */
const KEPT = 20;
/** A client waits 10 s for an answer. */
const OPEN_MS = 9000;

interface Transfer {
  readonly cancel: () => void;
  view: ImageTransfer;
}

/** The downloads of this node. They end with its agent; nothing of an unfinished one is left then. */
export class ImageTransfers {
  readonly #context: ApiContext;
  readonly #transfers = new Map<string, Transfer>();

  constructor(context: ApiContext) {
    this.#context = context;
  }

  /** The newest first. */
  list(): ImageTransfer[] {
    return [...this.#transfers.values()].map(({ view }) => view).reverse();
  }

  /** Resolves once the server has begun to answer; throws why it does not. */
  async start(url: URL, name: string): Promise<ImageTransfer> {
    const { clock, config, ids, images } = this.#context;
    this.#refuseTwice(name);
    await images.requireRoom(name, null);
    const { promise: cancelled, resolve: cancel } = Promise.withResolvers<void>();
    const id = ids.uuid();
    const view: ImageTransfer = {
      ...{ id, name, url: withoutPassword(url), node: config.node, state: 'running', receivedBytes: 0 },
      ...{ totalBytes: null, startedAt: isoDate(clock.wallMs()), error: null },
    };
    const transfer: Transfer = { cancel, view };
    this.#transfers.set(id, transfer);
    const tooLate = clock.after(OPEN_MS, cancel);
    try {
      const source = await this.#context.imageSources.open(url.href, {
        cancelled,
        clusterAddresses: clusterAddresses(this.#context),
      });
      transfer.view = { ...view, totalBytes: source.totalBytes };
      await images.requireRoom(name, source.totalBytes);
      void this.#receive(transfer, source.content);
      return transfer.view;
    } catch (error) {
      this.#transfers.delete(id);
      cancel();
      throw error;
    } finally {
      tooLate();
    }
  }

  /** Throws NOT_FOUND. */
  cancel(id: string): ImageTransfer {
    const transfer = this.#transfers.get(id);
    if (transfer === undefined) throw noTransfer(id, this.#context.config.node);
    if (transfer.view.state !== 'running') this.#transfers.delete(id);
    else {
      transfer.view = { ...transfer.view, state: 'cancelled' };
      transfer.cancel();
    }
    return transfer.view;
  }

  /** The agent ends. */
  cancelAll(): void {
    for (const { cancel } of this.#transfers.values()) cancel();
  }

  async #receive(transfer: Transfer, content: AsyncIterable<Uint8Array>): Promise<void> {
    const { name, totalBytes } = transfer.view;
    const onProgress = (receivedBytes: number) => {
      transfer.view = { ...transfer.view, receivedBytes };
    };
    try {
      await this.#context.images.receive({ name, content, totalBytes, onProgress });
      // One that was cancelled in the last moment is there all the same.
      transfer.view = { ...transfer.view, state: 'done' };
    } catch (error) {
      if (transfer.view.state === 'cancelled') return;
      const { code, message, nextStep } = toErrorBody(error);
      transfer.view = { ...transfer.view, state: 'failed', error: { code, message, nextStep } };
      this.#context.log.warn('An image could not be downloaded', { image: name, error });
    } finally {
      transfer.cancel();
      this.#forgetOld();
    }
  }

  #refuseTwice(name: string): void {
    if (!this.list().some((one) => one.name === name && one.state === 'running')) return;
    throw new GodwitError({
      code: 'IMAGE_EXISTS',
      message: `An image "${name}" is being downloaded already.`,
      state: NOTHING_CHANGED,
      nextStep: 'Wait until it is there, cancel it, or give this one another name.',
    });
  }

  #forgetOld(): void {
    const ended = [...this.#transfers].filter(([, { view }]) => view.state !== 'running');
    for (const [id] of ended.slice(0, Math.max(0, ended.length - KEPT))) this.#transfers.delete(id);
  }
}

/** Every machine of the cluster, by all addresses that are known of it. */
function clusterAddresses({ config, reader }: ApiContext): string[] {
  const nodes = [...reader.current().nodes.values()].flatMap(({ facts }) =>
    facts === null
      ? []
      : [...facts.value.addresses, ...(facts.value.certificateAddresses ?? []), facts.value.migration.address],
  );
  const own = [...config.addresses, ...(config.certificateAddresses ?? [])];
  return [...nodes, ...own, ...config.store.members.map(({ address }) => address)];
}

function withoutPassword(url: URL): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  // What follows the question mark is often a key to a private file.
  shown.search = '';
  return shown.href;
}

function noTransfer(id: string, node: string): GodwitError {
  return new GodwitError({
    code: 'NOT_FOUND',
    message: `${node} has no download "${id}".`,
    state: NOTHING_CHANGED,
    nextStep: 'Ask the node that downloads: each knows its own only.',
  });
}
