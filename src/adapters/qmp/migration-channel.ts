/** The commands that set up, start and end a transfer of guest memory, on either side. */
import { randomBytes } from 'node:crypto';
import { GodwitError } from '../../model/errors.ts';
import type { TransferCompression } from '../../model/intent.ts';
import type { Clock } from '../../ports/clock.ts';
import type { IncomingOptions, MigrationStatus, OutgoingOptions } from '../../ports/hypervisor.ts';
import type { CommandOptions } from './qmp-client.ts';
import { qemuParameters } from './transfer-figures.ts';

export type Ask = (
  command: string,
  args?: Readonly<Record<string, unknown>>,
  options?: CommandOptions,
) => Promise<unknown>;

/**
 * Every capability that is ever switched on here. One that is not wanted is switched off by name: QEMU keeps what an earlier
 * attempt, on either side, has set.
 */
const CAPABILITIES = [
  'events',
  'return-path',
  'validate-uuid',
  'late-block-activate',
  'auto-converge',
  'xbzrle',
  'multifd',
  'pause-before-switchover',
] as const;
type Capability = (typeof CAPABILITIES)[number];

/** Two, because a node spends no more cores than that on one transfer; QEMU's own default, spelled out for both ends. */
const MULTIFD_PARAMETERS = { 'multifd-channels': 2, 'multifd-compression': 'zstd', 'multifd-zstd-level': 1 } as const;

const TLS_PREFIX = 'godwit-tls-';
const AUTHZ_PREFIX = 'godwit-authz-';

/** Memory is allowed to arrive; returns the port, which QEMU chooses. */
export async function openForMigration(ask: Ask, pkiDirectory: string, options: IncomingOptions): Promise<number> {
  // `late-block-activate`: the images stay closed and unlocked until `cont`, so that a copy that
  // loaded everything but never got GO has no hold on the disks.
  const { compression = 'none' } = options;
  const common = ['events', 'return-path', 'late-block-activate', 'validate-uuid'] as const;
  await setCapabilities(ask, [...common, ...compressionCapabilities(compression)]);
  if (compression === 'multifd-zstd') await ask('migrate-set-parameters', MULTIFD_PARAMETERS);
  if (options.tlsPeer !== null) {
    const credentials = await addCredentials(ask, pkiDirectory, 'server');
    const permission = await addPermission(ask, options.tlsPeer);
    await ask('migrate-set-parameters', { 'tls-creds': credentials, 'tls-authz': permission });
  }
  await ask('migrate-incoming', { uri: `tcp:${inUri(options.listenAddress)}:0` });
  const reply = (await ask('query-migrate')) as { 'socket-address'?: readonly { readonly port?: string }[] };
  const port = Number(reply['socket-address']?.[0]?.port);
  if (Number.isInteger(port) && port > 0) return port;
  throw new GodwitError({
    code: 'HYPERVISOR_FAILED',
    message: `QEMU listens on ${options.listenAddress} but does not say on which port.`,
    state: 'The copy on the destination waits; the guest is untouched.',
    nextStep: 'Discard the copy and start the migration again.',
  });
}

/** Resolves when QEMU has accepted `migrate`; whether it can connect is told by events. */
export async function beginTransfer(ask: Ask, pkiDirectory: string, options: OutgoingOptions): Promise<void> {
  // `auto-converge` cannot be switched on later; its parameters can, and keep it without effect until then.
  const { bandwidthBytesPerSecond = null, compression = 'none', throttlePercentMax = 0 } = options;
  const { tlsPeer, xbzrleCacheBytes = 0 } = options;
  const common = ['events', 'return-path', 'validate-uuid', 'auto-converge'] as const;
  await setCapabilities(ask, [...common, ...compressionCapabilities(compression)]);
  const tls =
    tlsPeer === null
      ? { 'tls-creds': '', 'tls-hostname': '' }
      : { 'tls-creds': await addCredentials(ask, pkiDirectory, 'client'), 'tls-hostname': tlsPeer };
  await ask('migrate-set-parameters', {
    ...qemuParameters({ ...options, bandwidthBytesPerSecond, throttlePercentMax, xbzrleCacheBytes }),
    ...(compression === 'multifd-zstd' && MULTIFD_PARAMETERS),
    ...tls,
  });
  await ask('migrate', { uri: `tcp:${inUri(options.address)}:${options.port}` });
}

export const UNDER_WAY: ReadonlySet<MigrationStatus> = new Set([
  'setup',
  'active',
  'pre-switchover',
  'device',
  'cancelling',
] satisfies MigrationStatus[]);

const CANCEL_DEADLINE_MS = 500;

/** `migrate_cancel`; when QEMU does not get out of the transfer with that, its sockets are cut out of band. */
export async function endTransfer(ask: Ask, clock: Clock, status: () => MigrationStatus): Promise<void> {
  const deadline = clock.monotonicMs() + CANCEL_DEADLINE_MS;
  const taken = await ask('migrate_cancel', undefined, { deadlineMs: CANCEL_DEADLINE_MS }).then(
    () => true,
    () => false,
  );
  while (taken && UNDER_WAY.has(status()) && clock.monotonicMs() < deadline) await clock.sleep(5);
  if (taken && !UNDER_WAY.has(status())) return;
  try {
    await ask('yank', { instances: [{ type: 'migration' }] }, { outOfBand: true });
  } catch (error) {
    // Refused because there is nothing to cut any more; only if even that is unsure the caller has to know.
    if (UNDER_WAY.has(status())) throw error;
  }
}

function compressionCapabilities(compression: TransferCompression): readonly Capability[] {
  switch (compression) {
    case 'none':
      return [];
    case 'xbzrle':
      return ['xbzrle'];
    case 'multifd-zstd':
      return ['multifd'];
  }
}

/** Those that are wanted; every other one is off. */
export async function setCapabilities(ask: Ask, wanted: readonly Capability[]): Promise<void> {
  const capabilities = CAPABILITIES.map((capability) => ({ capability, state: wanted.includes(capability) }));
  await ask('migrate-set-capabilities', { capabilities });
}

/** A new id for every attempt: QEMU reads the certificates when the object is made. Those of earlier attempts go. */
async function addCredentials(ask: Ask, directory: string, endpoint: 'server' | 'client'): Promise<string> {
  const objects = (await ask('qom-list', { path: '/objects' })) as readonly { readonly name: string }[];
  for (const { name } of objects) {
    if (name.startsWith(TLS_PREFIX) || name.startsWith(AUTHZ_PREFIX)) await ask('object-del', { id: name });
  }
  const id = `${TLS_PREFIX}${randomBytes(4).toString('hex')}`;
  await ask('object-add', { 'qom-type': 'tls-creds-x509', id, dir: directory, endpoint, 'verify-peer': true });
  return id;
}

/**
 * Only the expected source may connect, not just any node with a certificate of this cluster. QEMU compares the
 * distinguished name as text, whose order depends on how the certificate was written; both orders name the same node.
 */
async function addPermission(ask: Ask, peer: string): Promise<string> {
  const id = `${AUTHZ_PREFIX}${randomBytes(4).toString('hex')}`;
  const rules = [`CN=${peer},O=godwit`, `O=godwit,CN=${peer}`].map((match) => ({
    match,
    policy: 'allow',
    format: 'exact',
  }));
  await ask('object-add', { 'qom-type': 'authz-list', id, policy: 'deny', rules });
  return id;
}

function inUri(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
