import { describe, expect, test } from 'vitest';
import { readImageHeader } from './image-header.ts';

interface Qcow2 {
  readonly version?: number;
  readonly backingOffset?: bigint;
  readonly sizeBytes?: bigint;
  readonly encryption?: number;
  readonly incompatible?: bigint;
}

function qcow2({ version = 3, backingOffset = 0n, sizeBytes = 1_048_576n, encryption = 0, incompatible = 0n }: Qcow2) {
  const view = new DataView(new ArrayBuffer(112));
  view.setUint32(0, 0x514649fb);
  view.setUint32(4, version);
  view.setBigUint64(8, backingOffset);
  view.setBigUint64(24, sizeBytes);
  view.setUint32(32, encryption);
  view.setBigUint64(72, incompatible);
  return new Uint8Array(view.buffer);
}

const bytes = (text: string, length = 512) => {
  const all = new Uint8Array(length);
  for (let index = 0; index < text.length; index += 1) all[index] = text.charCodeAt(index);
  return all;
};

function reasonOf(image: Uint8Array): string {
  const header = readImageHeader(image);
  return header.kind === 'unsuitable' ? header.reason : header.kind;
}

describe('readImageHeader', () => {
  test('takes a qcow2 that stands alone, of either version', () => {
    expect(readImageHeader(qcow2({}))).toEqual({ kind: 'qcow2', virtualSizeBytes: 1_048_576 });
    expect(readImageHeader(qcow2({ version: 2, incompatible: 4n }))).toMatchObject({ kind: 'qcow2' });
  });

  test('takes anything of no known format as raw', () => {
    expect(readImageHeader(bytes('\xeb\x63\x90'))).toEqual({ kind: 'raw' });
    expect(readImageHeader(new Uint8Array([0xff]))).toEqual({ kind: 'raw' });
  });

  test('refuses text: a page that says why there is no image', () => {
    const page = '<!doctype html>\n<title>404 Not Found</title>\n';
    expect(reasonOf(bytes(page, page.length))).toBe('it begins with text, as no disk does');
  });

  test('refuses a qcow2 that refers to other files', () => {
    expect(reasonOf(qcow2({ backingOffset: 112n }))).toBe('it refers to another file as its base');
    expect(reasonOf(qcow2({ incompatible: 4n }))).toBe('it keeps its data in another file');
  });

  test('refuses a qcow2 that is encrypted, damaged or from elsewhere', () => {
    expect(reasonOf(qcow2({ encryption: 2 }))).toBe('it is encrypted');
    expect(reasonOf(qcow2({ version: 4 }))).toBe('it is a qcow of version 4');
    expect(reasonOf(qcow2({ sizeBytes: 0n }))).toContain('virtual size');
    expect(reasonOf(qcow2({}).subarray(0, 40))).toBe('its qcow2 header is cut off');
    expect(reasonOf(qcow2({}).subarray(0, 76))).toBe('its qcow2 header is cut off');
  });

  test('names another format instead of taking it as raw', () => {
    expect(reasonOf(bytes('KDMV'))).toContain('VMDK');
    expect(reasonOf(bytes('vhdxfile'))).toContain('VHDX');
    expect(reasonOf(bytes('\xfd7zXZ\0'))).toContain('xz');
  });

  test('refuses an empty file', () => {
    expect(reasonOf(new Uint8Array(0))).toBe('it is empty');
  });
});
