/**
 * What a disk image says about itself in its first bytes. Read here and not by `qemu-img info`, because an image
 * comes from outside: the format must be known, and other files it names refused, before QEMU's code opens it.
 * (A qcow2 may name a backing file or an external data file, e.g. another VM's disk, whose content would end up in the guest.)
 */

/** As many bytes as {@link readImageHeader} needs; a shorter file is passed as it is. */
export const HEADER_BYTES = 512;

export type ImageHeader =
  | { readonly kind: 'raw' }
  | { readonly kind: 'qcow2'; readonly virtualSizeBytes: number }
  /** `reason` completes "The image cannot be used: ". */
  | { readonly kind: 'unsuitable'; readonly reason: string };

/** Formats that would otherwise pass as raw and give a guest that does not boot. */
const OTHER_FORMATS: readonly { readonly offset: number; readonly bytes: string; readonly name: string }[] = [
  { offset: 0, bytes: 'KDMV', name: 'VMDK' },
  { offset: 0, bytes: 'COWD', name: 'VMDK' },
  { offset: 0, bytes: '# Disk DescriptorFile', name: 'VMDK' },
  { offset: 0, bytes: 'vhdxfile', name: 'VHDX' },
  { offset: 0, bytes: 'conectix', name: 'VHD' },
  { offset: 0, bytes: 'QED\0', name: 'QED' },
  { offset: 0x40, bytes: '\x7f\x10\xda\xbe', name: 'VDI' },
  { offset: 0, bytes: '\x1f\x8b', name: 'gzip' },
  { offset: 0, bytes: '\xfd7zXZ\0', name: 'xz' },
  { offset: 0, bytes: '\x28\xb5\x2f\xfd', name: 'zstd' },
  { offset: 0, bytes: 'BZh', name: 'bzip2' },
  { offset: 0, bytes: 'PK\x03\x04', name: 'zip' },
  { offset: 257, bytes: 'ustar', name: 'tar' },
];

/** Of qcow2's incompatible features: the guest's data are in a file of their own. */
const EXTERNAL_DATA_FILE_BIT = 1n << 2n;
const QCOW2_HEADER_BYTES_MIN = 72;

export function readImageHeader(bytes: Uint8Array): ImageHeader {
  if (bytes.length === 0) return { kind: 'unsuitable', reason: 'it is empty' };
  if (hasBytes(bytes, 0, 'QFI\xfb')) return readQcow2Header(bytes);
  const other = OTHER_FORMATS.find((format) => hasBytes(bytes, format.offset, format.bytes));
  if (other === undefined) return readRawStart(bytes);
  return { kind: 'unsuitable', reason: `its format is ${other.name}, and only qcow2 and raw are taken` };
}

/** Any bytes may be a raw image, but not these: a download that brought a page that says why it failed looks so. */
function readRawStart(bytes: Uint8Array): ImageHeader {
  if (bytes.every(isTextByte)) return { kind: 'unsuitable', reason: 'it begins with text, as no disk does' };
  return { kind: 'raw' };
}

/** Tab, line feed, carriage return and what ASCII prints. */
function isTextByte(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

/** Fields of the header: docs/interop/qcow2.txt of QEMU. All numbers are big-endian. */
function readQcow2Header(bytes: Uint8Array): ImageHeader {
  if (bytes.length < QCOW2_HEADER_BYTES_MIN) return { kind: 'unsuitable', reason: 'its qcow2 header is cut off' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) return { kind: 'unsuitable', reason: `it is a qcow of version ${version}` };
  if (view.getBigUint64(8) !== 0n) return { kind: 'unsuitable', reason: 'it refers to another file as its base' };
  if (view.getUint32(32) !== 0) return { kind: 'unsuitable', reason: 'it is encrypted' };
  if (version === 3) {
    if (bytes.length < 80) return { kind: 'unsuitable', reason: 'its qcow2 header is cut off' };
    if ((view.getBigUint64(72) & EXTERNAL_DATA_FILE_BIT) !== 0n) {
      return { kind: 'unsuitable', reason: 'it keeps its data in another file' };
    }
  }
  const virtualSizeBytes = Number(view.getBigUint64(24));
  if (virtualSizeBytes === 0 || !Number.isSafeInteger(virtualSizeBytes)) {
    return { kind: 'unsuitable', reason: `its virtual size is ${virtualSizeBytes} bytes` };
  }
  return { kind: 'qcow2', virtualSizeBytes };
}

/** `text` has one character per byte. */
function hasBytes(bytes: Uint8Array, offset: number, text: string): boolean {
  if (bytes.length < offset + text.length) return false;
  for (let index = 0; index < text.length; index += 1) {
    if (bytes[offset + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}
