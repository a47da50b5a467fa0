import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Client } from '../../../src/client/client.ts';
import { GodwitError } from '../../../src/contract/error-body.ts';
import {
  cancelImageTransfer,
  fetchImage,
  type ImageTransfer,
  listImageTransfers,
} from '../../../src/contract/images.ts';
import { createVm, startVm } from '../../../src/contract/vms.ts';
import { useClient } from '../session/client-context.ts';
import { useSignedIn } from '../session/session-context.ts';
import { formatBytes } from '../ui/format.ts';
import { imageNameOf, type NewVm, requestOf } from './new-vm-draft.ts';
import { uploadFile } from './upload-file.ts';

const LOOK_EVERY_MS = 500;

export interface CreationStep {
  readonly text: string;
  /** 0 to 1; null: it cannot be said. */
  readonly done: number | null;
}

/** Brings the image, makes the VM, starts it. What has been done stays done when a later step fails. */
export function useCreation() {
  const { t } = useTranslation('newVm');
  const client = useClient();
  const { transport } = useSignedIn();
  const [step, setStep] = useState<CreationStep | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const abort = useRef<AbortController | null>(null);
  // After a failure the image that was brought, and a VM that was made, are not made once more.
  const brought = useRef(new Map<string, string>());
  const [made, setMade] = useState<ReadonlySet<string>>(new Set());
  const say = (done: number | null, text: string) => setStep({ done, text });

  const bring = async (vm: NewVm, signal: AbortSignal): Promise<string | null> => {
    if (vm.source === 'lab') return 'lab';
    if (vm.source === 'empty') return null;
    if (vm.source === 'library') return vm.image;
    const name = imageNameOf(vm);
    const key = `${vm.source} ${vm.url} ${vm.file?.name ?? ''} ${String(vm.file?.size)}`;
    const before = brought.current.get(key);
    if (before !== undefined) return before;
    const progress = (received: number, total: number | null) =>
      say(total === null ? null : received / total, t('bringing', { name, bytes: formatBytes(received) }));
    if (vm.file !== null && vm.source === 'upload')
      await uploadFile({ transport, name, file: vm.file, progress, signal });
    else await download(client, { url: vm.url, name, progress, signal });
    brought.current.set(key, name);
    return name;
  };

  const create = async (vm: NewVm): Promise<boolean> => {
    const controller = new AbortController();
    abort.current = controller;
    setFailure(null);
    say(null, t('creating', { name: vm.name }));
    try {
      if (!made.has(vm.name)) {
        const image = await bring(vm, controller.signal);
        say(null, t('creating', { name: vm.name }));
        await client.call(createVm, { body: requestOf(vm, image) });
        setMade((before) => new Set(before).add(vm.name));
      }
      if (vm.startNow) await client.call(startVm, { params: { name: vm.name } });
      return true;
    } catch (error) {
      if (!controller.signal.aborted) setFailure(error);
      return false;
    } finally {
      setStep(null);
    }
  };
  return { create, cancel: () => abort.current?.abort(), step, failure, made, busy: step !== null };
}

interface Download {
  readonly url: string;
  readonly name: string;
  readonly progress: (received: number, total: number | null) => void;
  readonly signal: AbortSignal;
}

/** The node downloads; the page only looks how far it is. */
async function download(client: Client, { url, name, progress, signal }: Download): Promise<void> {
  let transfer: ImageTransfer = await client.call(fetchImage, { body: { url, name } });
  const { id } = transfer;
  while (transfer.state === 'running') {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    if (signal.aborted) {
      await client.call(cancelImageTransfer, { params: { id } });
      signal.throwIfAborted();
    }
    const all = await client.call(listImageTransfers);
    transfer = all.find((other) => other.id === id) ?? { ...transfer, state: 'cancelled' };
    progress(transfer.receivedBytes, transfer.totalBytes);
  }
  if (transfer.state === 'done') return;
  const { code, message, nextStep } = transfer.error ?? {};
  throw new GodwitError({
    code: (code ?? 'INTERNAL') as GodwitError['code'],
    message: message ?? `The download of ${url} was cancelled.`,
    state: 'No VM was made.',
    nextStep: nextStep ?? 'Try again.',
  });
}
