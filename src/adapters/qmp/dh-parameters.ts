import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The group ffdhe2048 of RFC 7919, appendix A.1, as a PEM file. */
const FFDHE2048 = `-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
`;

/** Without this file QEMU computes parameters of its own for every migration, which takes 0.5 to 1 s. */
export function provideDhParameters(pkiDirectory: string): void {
  const file = join(pkiDirectory, 'dh-params.pem');
  if (existsSync(pkiDirectory) && !existsSync(file)) writeFileSync(file, FFDHE2048, { mode: 0o644 });
}
