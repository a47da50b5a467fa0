/** Certificates and keys of this node as files. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { chmod, chown, mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { IdentityPem, NodeIdentity } from '../../ports/pki.ts';
import { identifyCertificate } from './identify-certificate.ts';

export interface IdentityPaths {
  readonly caCertificate: string;
  readonly certificate: string;
  readonly key: string;
  /** QEMU's, with five names that QEMU wants. Null on a witness. */
  readonly qemuDirectory: string | null;
}

export interface IssuedIdentity {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  /** A key of its own, so that QEMU's user does not learn the agent's. */
  readonly qemu: { readonly certificate: string; readonly key: string } | null;
}

/** Writes everything whose path is given. `qemuGid`: the group that may read QEMU's key; null: root only. */
export async function writeIdentity(
  paths: IdentityPaths,
  issued: IssuedIdentity,
  qemuGid: number | null,
): Promise<void> {
  await mkdir(dirname(paths.key), { recursive: true });
  await replaceFiles([
    { path: paths.caCertificate, text: issued.ca, mode: 0o644 },
    { path: paths.key, text: issued.key, mode: 0o600 },
    { path: paths.certificate, text: issued.certificate, mode: 0o644 },
  ]);
  const { qemu, ca } = issued;
  if (paths.qemuDirectory === null || qemu === null) return;
  await mkdir(paths.qemuDirectory, { recursive: true });
  const inDirectory = (name: string) => join(paths.qemuDirectory ?? '', name);
  const key = qemuGid === null ? { text: qemu.key, mode: 0o600 } : { text: qemu.key, mode: 0o640, gid: qemuGid };
  await replaceFiles([
    { path: inDirectory('ca-cert.pem'), text: ca, mode: 0o644 },
    ...['server', 'client'].flatMap((role) => [
      { path: inDirectory(`${role}-key.pem`), ...key },
      { path: inDirectory(`${role}-cert.pem`), text: qemu.certificate, mode: 0o644 },
    ]),
  ]);
}

interface NewFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
  readonly gid?: number;
}

/** All of them are on disk before the first takes its place: a crash in between leaves the others beside it, see `finishReplacing`. */
export async function replaceFiles(files: readonly NewFile[]): Promise<void> {
  for (const { path, text, mode, gid } of files) {
    await writeFile(draftOf(path), text, { mode: 0o600, flush: true });
    if (gid !== undefined) await chown(draftOf(path), 0, gid);
    await chmod(draftOf(path), mode);
  }
  for (const { path } of files) await rename(draftOf(path), path);
  const directory = await open(dirname(files[0]?.path ?? '/'));
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function draftOf(path: string): string {
  return `${path}.new`;
}

/** A crash may have put the new key in its place and not yet the certificate for it. */
function finishReplacing({ certificate, key }: IdentityPaths): void {
  if (fits(certificate, key)) return;
  if (existsSync(draftOf(certificate)) && fits(draftOf(certificate), key))
    renameSync(draftOf(certificate), certificate);
}

function fits(certificate: string, key: string): boolean {
  try {
    return new X509Certificate(readFileSync(certificate)).checkPrivateKey(createPrivateKey(readFileSync(key)));
  } catch {
    return false;
  }
}

/** `name`: whom the certificate is for. */
export function openIdentity(paths: IdentityPaths, name: string, qemuGid: number | null): NodeIdentity {
  finishReplacing(paths);
  let current = readPem(paths);
  let prepared: { readonly key: string; readonly qemuKey: string | null } | undefined;
  return {
    current: () => current,
    validity() {
      const { validFromDate, validToDate } = new X509Certificate(current.cert);
      return { notBeforeMs: validFromDate.getTime(), notAfterMs: validToDate.getTime() };
    },
    certificates() {
      const qemu = paths.qemuDirectory === null ? null : join(paths.qemuDirectory, 'client-cert.pem');
      const ofQemu = qemu !== null && existsSync(qemu) ? [readFileSync(qemu)] : [];
      return [current.cert, ...ofQemu].map(identifyCertificate);
    },
    identify: identifyCertificate,
    async prepareRenewal() {
      // Once in months: not to be loaded with every start.
      const { makeRequest } = await import('./key-pair.ts');
      const own = await makeRequest(name);
      const qemu = paths.qemuDirectory === null ? null : await makeRequest(name);
      prepared = { key: own.key, qemuKey: qemu?.key ?? null };
      return { request: own.request, qemuRequest: qemu?.request ?? null };
    },
    async install({ certificate, qemuCertificate }) {
      if (prepared === undefined) throw new Error('A certificate came without a key that it is for.');
      const ca = await readFile(paths.caCertificate, 'utf8');
      const { key, qemuKey } = prepared;
      const qemu = qemuKey === null || qemuCertificate === null ? null : { certificate: qemuCertificate, key: qemuKey };
      await writeIdentity(paths, { ca, certificate, key, qemu }, qemuGid);
      prepared = undefined;
      current = readPem(paths);
    },
  };
}

function readPem(paths: IdentityPaths): IdentityPem {
  const read = (path: string) => readFileSync(path, 'utf8');
  return { ca: read(paths.caCertificate), cert: read(paths.certificate), key: read(paths.key) };
}
