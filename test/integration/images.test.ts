import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCloudInitSeeds } from '../../src/adapters/disks/cloud-init-seed.ts';
import { createImageSources } from '../../src/adapters/disks/image-download.ts';
import { openImageLibrary } from '../../src/adapters/disks/image-library.ts';
import { createClient } from '../../src/client/client.ts';
import { createUploadTransport } from '../../src/client/node-upload.ts';
import { type ImageTransfer, uploadImage } from '../../src/contract/images.ts';
import { MEBIBYTE } from '../../src/model/units.ts';
import type { Images } from '../../src/ports/images.ts';
import { type ApiCluster, PASSWORD, startApiCluster } from '../doubles/api-cluster.ts';

let directory: string;
let images: Images;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'godwit-images-'));
  images = await openImageLibrary({ directory: join(directory, 'images'), node: 'node1' });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const inLibrary = () => (existsSync(images.directory) ? readdirSync(images.directory) : []);
const hashOf = (content: Buffer) => createHash('sha256').update(content).digest('hex');

/** A sparse file with something at both ends. */
function bigFile(sizeBytes: number): string {
  const path = join(directory, 'big.raw');
  const handle = openSync(path, 'w');
  writeSync(handle, Buffer.from('begin'), 0, 5, 0);
  truncateSync(path, sizeBytes);
  writeSync(handle, Buffer.from('end'), 0, 3, sizeBytes - 3);
  return path;
}

async function eventually(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('uploads to a node', () => {
  let cluster: ApiCluster;
  let options: { url: string; user: string; password: string; ca: string };
  beforeEach(async () => {
    const tls = selfSigned();
    cluster = await startApiCluster(null, { images, tls });
    await cluster.server.listen({ port: 0, host: '127.0.0.1' });
    const { port } = cluster.server.server.address() as AddressInfo;
    options = { url: `https://127.0.0.1:${port}`, user: 'admin', password: PASSWORD, ca: tls.cert };
  });
  afterEach(() => cluster.close());

  function selfSigned() {
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    const subject = ['-subj', '/CN=node1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    execFileSync('openssl', [...made, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const [certText, keyText] = [readFileSync(cert, 'utf8'), readFileSync(key, 'utf8')];
    return { ca: certText, cert: certText, key: keyText };
  }

  const upload = (name: string, file: string, onProgress?: (sent: number) => void) =>
    createClient(createUploadTransport(options, { file, ...(onProgress && { onProgress }) })).call(uploadImage, {
      params: { name },
    });

  test('a file far larger than any other request arrives as it is, with progress', async () => {
    const file = bigFile(200 * MEBIBYTE);
    const seen: number[] = [];
    const image = await upload('big.raw', file, (sent) => seen.push(sent));
    expect(image).toMatchObject({ name: 'big.raw', kind: 'raw', sizeBytes: 200 * MEBIBYTE });
    expect(seen.length).toBeGreaterThan(10);
    expect(hashOf(readFileSync(join(images.directory, 'big.raw')))).toBe(hashOf(readFileSync(file)));
    expect(inLibrary()).toEqual(['big.raw']);
    expect(statSync(join(images.directory, 'big.raw')).mode & 0o777).toBe(0o644);
  });

  test('a name that is taken is refused, and the first file stays', async () => {
    const file = join(directory, 'small.raw');
    writeFileSync(file, 'one\0');
    await upload('small.raw', file);
    writeFileSync(file, 'two\0');
    await expect(upload('small.raw', file)).rejects.toMatchObject({ code: 'IMAGE_EXISTS' });
    expect(readFileSync(join(images.directory, 'small.raw'), 'utf8')).toBe('one\0');
  });

  test('what no VM can use is refused by its first bytes, with the rest still on its way', async () => {
    const file = bigFile(50 * MEBIBYTE);
    const handle = openSync(file, 'r+');
    writeSync(handle, Buffer.from('\xfd7zXZ\0', 'latin1'), 0, 6, 0);
    await expect(upload('debian.qcow2.xz', file)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(inLibrary()).toEqual([]);
  });

  test('an upload that breaks off leaves nothing', async () => {
    const outgoing = request(new URL('/api/v1/images/half.raw', options.url), {
      ...{ method: 'POST', ca: options.ca, agent: false },
      headers: {
        authorization: `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`,
        'content-type': 'application/octet-stream',
        'content-length': 10 * MEBIBYTE,
      },
    });
    outgoing.on('error', () => undefined);
    outgoing.write(randomBytes(MEBIBYTE));
    await eventually(() => inLibrary().length === 1);
    expect(inLibrary()[0]).toMatch(/^\.half\.raw\.draft-node1-/);
    outgoing.destroy();
    await eventually(() => inLibrary().length === 0);
  });

  test('one that cannot fit is refused before it begins', async () => {
    const answer = await cluster.server.inject({
      ...{ method: 'POST', url: '/api/v1/images/huge.raw' },
      headers: {
        authorization: `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`,
        'content-type': 'application/octet-stream',
        'content-length': '9000000000000000',
      },
      payload: 'x',
    });
    expect(answer.json()).toMatchObject({ code: 'NOT_ENOUGH_DISK_SPACE' });
    expect(inLibrary()).toEqual([]);
  });
});

describe('downloads by a node', () => {
  let web: Server;
  let base: string;
  const content = randomBytes(2 * MEBIBYTE);
  beforeEach(async () => {
    web = createServer((asked, answer) => {
      if (asked.url === '/moved.raw') answer.writeHead(302, { location: '/disk.raw' }).end();
      else if (asked.url === '/away.raw') answer.writeHead(302, { location: 'http://127.0.0.2/disk.raw' }).end();
      else if (asked.url === '/slow.raw') answer.writeHead(200, { 'content-length': '9999999' }).write(content);
      else if (asked.url === '/page.raw') answer.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
      else if (asked.url === '/disk.raw') answer.writeHead(200, { 'content-length': content.length }).end(content);
      else answer.writeHead(404).end();
    });
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    base = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    web.closeAllConnections();
    web.close();
  });

  const fetchAll = async (path: string, allowed: readonly string[]): Promise<Buffer> => {
    const source = await createImageSources(allowed).open(`${base}${path}`, {
      cancelled: new Promise(() => undefined),
      clusterAddresses: [],
    });
    const chunks: Uint8Array[] = [];
    for await (const chunk of source.content) chunks.push(chunk);
    return Buffer.concat(chunks);
  };

  test('never go to the node itself unless that is allowed, also not by its name', async () => {
    await expect(fetchAll('/disk.raw', [])).rejects.toMatchObject({ code: 'IMAGE_SOURCE_REFUSED' });
    base = base.replace('127.0.0.1', 'localhost');
    await expect(fetchAll('/disk.raw', [])).rejects.toMatchObject({ code: 'IMAGE_SOURCE_REFUSED' });
  });

  test('follow a redirection, but not to where they may not go', async () => {
    expect(hashOf(await fetchAll('/moved.raw', ['127.0.0.1']))).toBe(hashOf(content));
    await expect(fetchAll('/away.raw', ['127.0.0.1'])).rejects.toMatchObject({ code: 'IMAGE_SOURCE_REFUSED' });
  });

  test('say why there is nothing to download', async () => {
    await expect(fetchAll('/none.raw', ['127.0.0.1'])).rejects.toThrow('HTTP status 404');
    await expect(fetchAll('/page.raw', ['127.0.0.1'])).rejects.toThrow('a web page');
  });

  test('are asked for, watched and cancelled over the API', async () => {
    const cluster = await startApiCluster(null, { images, imageSources: createImageSources(['127.0.0.0/8']) });
    const transfers = async () => (await cluster.ask('GET', '/images/transfers')).body as ImageTransfer[];
    try {
      const taken = await cluster.ask('POST', '/images/fetch', { url: `${base}/moved.raw`, name: 'disk.raw' });
      expect(taken).toMatchObject({ status: 202, body: { name: 'disk.raw', totalBytes: content.length } });
      await eventually(async () => (await transfers())[0]?.state !== 'running');
      expect(await transfers()).toMatchObject([{ state: 'done', receivedBytes: content.length }]);
      expect(inLibrary()).toEqual(['disk.raw']);
      const slow = await cluster.ask('POST', '/images/fetch', { url: `${base}/slow.raw` });
      await eventually(async () => ((await transfers())[0]?.receivedBytes ?? 0) > 0);
      expect(await cluster.refusal('POST', '/images/fetch', { url: `${base}/slow.raw` })).toMatchObject({
        code: 'IMAGE_EXISTS',
      });
      await cluster.ask('DELETE', `/images/transfers/${(slow.body as ImageTransfer).id}`);
      expect((await transfers())[0]).toMatchObject({ name: 'slow.raw', state: 'cancelled' });
      await eventually(() => inLibrary().length === 1);
    } finally {
      await cluster.close();
    }
  });
});

test('what an agent had begun when it ended is gone after its next start; that of another node is not', async () => {
  await images.receive({ name: 'a.raw', content: one('x\0'), totalBytes: null });
  writeFileSync(join(images.directory, '.b.raw.draft-node1-00'), '');
  writeFileSync(join(images.directory, '.c.raw.draft-node2-00'), '');
  await openImageLibrary({ directory: images.directory, node: 'node1' });
  expect(inLibrary().sort()).toEqual(['.c.raw.draft-node2-00', 'a.raw']);
  expect((await images.list()).map(({ name }) => name)).toEqual(['a.raw']);
});

async function* one(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

describe('the seed of cloud-init', () => {
  const seeds = createCloudInitSeeds({ uid: 64_077, gid: 64_077 });

  test('is an ISO that cloud-init finds by its label, with the three files under their own names', async () => {
    const path = join(directory, 'vms', 'WebServer', 'seed.iso');
    const files = {
      'user-data': '#cloud-config\n{}\n',
      'meta-data': '{"instance-id": "u"}\n',
      'network-config': '{}\n',
    };
    await seeds.make(path, files);
    const iso = readFileSync(path);
    // ISO 9660, 8.4.2 and 8.4.7: identifier and volume identifier of the primary descriptor.
    expect(iso.toString('latin1', 32_769, 32_774)).toBe('CD001');
    expect(iso.toString('latin1', 32_808, 32_840).trim()).toBe('cidata');
    expect(await images.look(path)).toMatchObject({ kind: 'iso' });
    const listed = execFileSync('isoinfo', ['-J', '-f', '-i', path], { encoding: 'utf8' }).trim().split('\n').sort();
    expect(listed).toEqual(['/meta-data', '/network-config', '/user-data']);
    expect(execFileSync('isoinfo', ['-J', '-x', '/user-data', '-i', path], { encoding: 'utf8' })).toBe(
      files['user-data'],
    );
    expect(statSync(path)).toMatchObject({ uid: 64_077, mode: 0o100440 });
    expect(readdirSync(join(directory, 'vms', 'WebServer'))).toEqual(['seed.iso']);
    await seeds.make(path, files);
    await seeds.remove(path);
    await seeds.remove(path);
  });

  test('has a password as a hash that crypt(3) takes', async () => {
    const hash = await seeds.hashPassword('secret word');
    const [, kind, salt = ''] = hash.split('$');
    expect(kind).toBe('6');
    const again = execFileSync('openssl', ['passwd', '-6', '-salt', salt, '-stdin'], {
      input: 'secret word\n',
      encoding: 'utf8',
    });
    expect(again.trim()).toBe(hash);
  });
});
