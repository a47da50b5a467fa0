import { CONSOLE_BACKLOG_MAX_BYTES, type ConsoleRequest } from '../model/console.ts';
import type { ClusterReader } from '../model/cluster-state.ts';
import type { NodeName } from '../model/names.ts';
import type { ByteStream } from '../ports/byte-stream.ts';
import type { ConsoleLink } from '../ports/consoles.ts';
import type { Instance } from '../ports/hypervisor.ts';
import { ConsoleSession } from './console-session.ts';
import { joinStreams } from './join-streams.ts';
import { LocalConsoles, type LocalConsolesParts } from './local-consoles.ts';

/** Not in the guest's first moments here: they belong to the guest. */
const INHERIT_AFTER_MS = 300;

export interface ConsolesParts extends LocalConsolesParts {
  readonly node: NodeName;
  readonly view: Pick<ClusterReader, 'current' | 'subscribe'>;
  readonly link: ConsoleLink;
}

/** The consoles of all VMs of the cluster, for those who ask this node. */
export class Consoles {
  readonly #parts: ConsolesParts;
  readonly #local: LocalConsoles;

  constructor(parts: ConsolesParts) {
    this.#parts = parts;
    this.#local = new LocalConsoles(parts);
    // Only those of this node: nothing is passed on twice.
    parts.link.serve((request, stream) => joinStreams(stream, this.#local.open(request)));
    parts.instances.onEvent((instance, event) => {
      if (event.kind === 'resumed' && instance.incomingMigration !== null) this.#inherit(instance);
    });
  }

  /** Until one of them ends it. */
  show(request: Pick<ConsoleRequest, 'kind' | 'vm' | 'backlogBytes'>, viewer: ByteStream): void {
    const { clock, view } = this.#parts;
    const open = (node: NodeName, asked: ConsoleRequest) => this.#open(node, asked);
    new ConsoleSession({ ...request, after: null }, viewer, { open, view, clock });
  }

  #open(node: NodeName, request: ConsoleRequest): ByteStream {
    const { link, node: own, view } = this.#parts;
    if (node === own) return this.#local.open(request);
    const facts = view.current().nodes.get(node)?.facts?.value;
    return link.open({ node, addresses: facts?.addresses ?? [], port: facts?.peerPort ?? 0 }, request);
  }

  /** So that who opens the console of a guest that has moved sees what it wrote on the source. */
  #inherit({ id, incomingMigration, vm }: Instance): void {
    const { clock, node, view } = this.#parts;
    const intent = view.current().vms.get(vm)?.intent?.value;
    if (intent?.migrationId !== incomingMigration || intent.source === node) return;
    clock.after(INHERIT_AFTER_MS, () => {
      const past: Uint8Array[] = [];
      let opened = false;
      const request = {
        kind: 'serial',
        vm,
        backlogBytes: CONSOLE_BACKLOG_MAX_BYTES,
        after: null,
        pastOnly: true,
      } as const;
      this.#open(intent.source, request).listen({
        data: (bytes) => {
          if (opened) past.push(Uint8Array.from(bytes));
          opened = true;
        },
        drained: () => undefined,
        ended: ({ code }) => {
          if (code === 1000) this.#local.inherit(id, joined(past));
        },
      });
    });
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
