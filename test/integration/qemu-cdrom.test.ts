import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { directory, node, start, useNodes } from './qemu-fixture.ts';

useNodes();

/** Writes the text to the serial port, and stands still. */
function bootCode(text: string): Buffer {
  const bytes = [0xba, 0xf8, 0x03]; // mov dx, 0x3f8
  for (const character of text) bytes.push(0xb0, character.charCodeAt(0), 0xee); // mov al, character; out dx, al
  return Buffer.concat([Buffer.from([...bytes, 0xf4, 0xeb, 0xfd]), Buffer.alloc(2048)]).subarray(0, 2048); // hlt; jmp back
}

async function serialSays(text: string): Promise<void> {
  const log = join(directory, 'node1-log', 'serial-WebServer.log');
  while (!readFileSync(log, 'latin1').includes(text)) await new Promise((resolve) => setTimeout(resolve, 50));
}

test('a medium boots while the disk is empty; afterwards the disk comes first', async () => {
  const content = join(directory, 'medium');
  mkdirSync(content);
  writeFileSync(join(content, 'boot.bin'), bootCode('from the medium'));
  const path = join(directory, 'medium.iso');
  const elTorito = ['-b', 'boot.bin', '-no-emul-boot', '-boot-load-size', '4', '-c', 'boot.cat'];
  execFileSync('genisoimage', ['-quiet', '-o', path, ...elTorito, content]);
  const cdroms = [{ id: 'cd0', path }] as const;
  const installing = await start(node('node1'), false, { cdroms });
  await installing.resume();
  await serialSays('from the medium');
  await installing.kill();

  const disk = join(directory, 'installed.raw');
  const sector = bootCode('from the disk').subarray(0, 512);
  sector.writeUInt16LE(0xaa55, 510);
  writeFileSync(disk, Buffer.concat([sector, Buffer.alloc(1_048_576 - 512)]));
  const disks = [{ id: 'disk0', path: disk, format: 'raw', sizeBytes: 1_048_576 }] as const;
  const installed = await start(node('node1'), false, { cdroms, disks });
  await installed.resume();
  await serialSays('from the disk');
  const log = readFileSync(join(directory, 'node1-log', 'serial-WebServer.log'), 'latin1');
  expect(log.lastIndexOf('from the medium')).toBeLessThan(log.indexOf('from the disk'));
});
