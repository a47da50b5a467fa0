// The web console: built from web/src when its sources have changed since, and compressed once instead of for every browser.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/** Whatever of these changes may change what is built. */
const SOURCES = ['web', 'src/contract', 'src/client', 'src/model', 'src/migration', 'package-lock.json'];
const MARK = 'sources.sha256';
/** Smaller files gain nothing. */
const COMPRESSED_MIN_BYTES = 1024;

export function webConsoleIsOutdated(repository) {
  const mark = join(repository, 'web/dist', MARK);
  return !existsSync(mark) || readFileSync(mark, 'utf8') !== hashOfSources(repository);
}

/** Built beside its place and renamed, so that a node never serves half of it. */
export function buildWebConsole(repository) {
  console.log('bootstrap: building the web console …');
  const hash = hashOfSources(repository);
  const output = join(repository, 'web', `dist-${process.pid}`);
  const place = join(repository, 'web/dist');
  try {
    const bin = join(repository, 'node_modules/.bin');
    const env = { ...process.env, PATH: [bin, process.env.PATH ?? ''].join(delimiter), NODE_ENV: 'production' };
    const args = ['build', '--logLevel', 'warn', '--emptyOutDir', '--outDir', output];
    const result = spawnSync(join(bin, 'vite'), args, { cwd: join(repository, 'web'), stdio: 'inherit', env });
    if (result.status !== 0) throw new Error('the web console could not be built: see the message above.');
    for (const file of filesBelow(output)) if (/\.(js|css|svg)$/.test(file)) compress(file);
    writeFileSync(join(output, MARK), hash);
    rmSync(place, { recursive: true, force: true });
    renameSync(output, place);
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}

function compress(file) {
  const content = readFileSync(file);
  if (content.length < COMPRESSED_MIN_BYTES) return;
  writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
  writeFileSync(`${file}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } }));
}

function hashOfSources(repository) {
  const hash = createHash('sha256');
  const files = SOURCES.flatMap((source) => {
    const path = join(repository, source);
    return source.includes('.') ? [path] : filesBelow(path);
  });
  for (const file of files.sort((one, other) => (one < other ? -1 : 1))) {
    if (/\.test\.tsx?$/.test(file)) continue;
    hash.update(relative(repository, file)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) return [path];
    return entry.name === 'node_modules' || entry.name.startsWith('dist') ? [] : filesBelow(path);
  });
}
