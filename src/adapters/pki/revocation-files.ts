/** The list of revoked certificates on disk, for etcd and for QEMU. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { RevocationFiles } from '../../ports/pki.ts';
import { type IdentityPaths, replaceFiles } from './identity-files.ts';

type Paths = Pick<IdentityPaths, 'caCertificate' | 'qemuDirectory'>;

/** What etcd is told to read, beside the authority's certificate. */
export function revocationList({ caCertificate }: Pick<Paths, 'caCertificate'>): string {
  return join(dirname(caCertificate), 'revoked.pem');
}

/** QEMU looks for `ca-crl.pem` beside its certificates whenever it gets ready to receive; for what it sends it looks at no list. */
export function revocationFiles(paths: Paths): RevocationFiles {
  const etcd = revocationList(paths);
  const qemu = paths.qemuDirectory === null ? [] : [join(paths.qemuDirectory, 'ca-crl.pem')];
  return {
    exist: () => existsSync(etcd),
    async write(list) {
      for (const path of [etcd, ...qemu]) await replaceFiles([{ path, text: list, mode: 0o644 }]);
    },
  };
}
