import { isListDue, keepIssued, nextValidity, toRecord } from '../failover/revocations.ts';
import type { IssuedCertificate, NodeCertificates, RevocationRecord } from '../model/formation.ts';
import { keys } from '../model/keys.ts';
import type { NodeName } from '../model/names.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { LocalNotes } from '../ports/notes.ts';
import type { CertificateIssuer, RevocationFiles } from '../ports/pki.ts';
import type { ClusterStore } from '../ports/store.ts';

export interface RevocationPorts {
  readonly notes: LocalNotes;
  readonly files: RevocationFiles;
  readonly clock: Clock;
  readonly log: Log;
}

const NOTE = 'revocations';
const FIRST_LOOK_MS = 5000;
const LOOK_EVERY_MS = 3_600_000;
const RETRY_MS = 1000;

/** The certificates of nodes that were removed: this agent refuses them, and so do the programs that read its files. */
export class Revocations {
  readonly #ports: RevocationPorts;
  #record: RevocationRecord | undefined;
  #serials: ReadonlySet<string> = new Set();
  #taken: string | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(ports: RevocationPorts) {
    this.#ports = ports;
    // Until the store has spoken, what it said last is true.
    this.#use(ports.notes.read(NOTE) as RevocationRecord | undefined);
  }

  /** `serial`: hexadecimal, in either case. */
  isRevoked(serial: string): boolean {
    return this.#serials.has(serial.toLowerCase());
  }

  /** Ahead of the start of this node's member of the store, which refuses everybody where the file is missing. */
  async prepareFiles(): Promise<void> {
    const { files, log } = this.#ports;
    if (files.exist() || this.#record === undefined) return;
    await files
      .write(this.#record.list)
      .catch((error: unknown) => log.warn('The revocation list was not written', { error }));
  }

  follow(store: ClusterStore): void {
    const take = (record: RevocationRecord | undefined) => {
      // Once after the start also if it is known: files can be lost.
      if (record === undefined || record.list === this.#taken) return;
      this.#taken = record.list;
      this.#use(record);
      // One after the other, so that the newest is what stays.
      this.#writing = this.#writing.then(() => this.#keep(record));
    };
    store.watch(keys.revocations, {
      snapshot: (entries) => take(entries[0]?.value as RevocationRecord | undefined),
      changes: (entries) => take(entries.at(-1)?.value as RevocationRecord | undefined),
      silence: () => undefined,
    });
  }

  /** On a node with the authority's key: signs the list again before it ends. Several may do so; one of them succeeds. */
  keepSigned(store: ClusterStore, issuer: CertificateIssuer): void {
    const { clock, log } = this.#ports;
    const look = () => {
      if (!isListDue(this.#record, clock.wallMs())) return;
      void signAgain(store, issuer, clock.wallMs()).catch((error: unknown) => {
        log.warn('The revocation list could not be signed again yet', { error });
      });
    };
    clock.after(FIRST_LOOK_MS, look);
    clock.every(LOOK_EVERY_MS, look);
  }

  #use(record: RevocationRecord | undefined): void {
    this.#record = record;
    this.#serials = new Set(record?.certificates.map(({ serial }) => serial));
  }

  /** A newer one makes it needless to go on. */
  async #keep(record: RevocationRecord): Promise<void> {
    const { files, notes, clock, log } = this.#ports;
    while (this.#record === record) {
      try {
        await files.write(record.list);
        await notes.write(NOTE, record);
        log.info('The list of revoked certificates is in use', {
          number: record.number,
          certificates: record.certificates.length,
        });
        return;
      } catch (error) {
        log.error('The list of revoked certificates could not be written', { error });
        await clock.sleep(RETRY_MS);
      }
    }
  }
}

async function signAgain(store: ClusterStore, issuer: CertificateIssuer, nowMs: number): Promise<void> {
  const entry = await store.get(keys.revocations);
  const record = entry?.value as RevocationRecord | undefined;
  if (!isListDue(record, nowMs)) return;
  const certificates = record?.certificates ?? [];
  const validity = nextValidity(record, nowMs);
  const value = toRecord(certificates, validity, await issuer.revoke(certificates, validity));
  await store.transact({
    compare: [{ key: keys.revocations, modRevision: entry?.modRevision ?? '0' }],
    write: [{ put: keys.revocations, value }],
  });
}

/**
 * So that an eviction knows what to revoke: certificates are in the store ahead of their use. Throws where the store does not take it;
 * false: this node was removed from the cluster.
 */
export async function recordCertificates(
  node: NodeName,
  issued: readonly IssuedCertificate[],
  { store, clock }: { readonly store: ClusterStore; readonly clock: Clock },
): Promise<boolean> {
  const key = keys.nodeCertificates(node);
  for (;;) {
    const [entry, eviction] = await Promise.all([store.get(key), store.get(keys.eviction(node))]);
    if (eviction !== undefined) return false;
    const known = entry?.value as NodeCertificates | undefined;
    if (issued.every(({ serial }) => known?.issued.some((one) => one.serial === serial) === true)) return true;
    const outcome = await store.transact({
      compare: [
        { key, modRevision: entry?.modRevision ?? '0' },
        { key: keys.eviction(node), modRevision: '0' },
      ],
      write: [{ put: key, value: keepIssued(known, issued, clock.wallMs()) }],
    });
    if (outcome.kind === 'applied') return true;
    await clock.sleep(RETRY_MS);
  }
}
