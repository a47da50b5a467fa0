export const KIBIBYTE = 1024;
export const MEBIBYTE = 1024 * 1024;
export const GIBIBYTE = 1024 * 1024 * 1024;

const BYTE_FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  K: KIBIBYTE,
  M: MEBIBYTE,
  G: GIBIBYTE,
  T: 1024 * GIBIBYTE,
};

/** "256M", "1.5G", "8GiB", "1073741824" to bytes (binary multiples). Undefined if it is not a size. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const bytes = Number(match[1]) * (BYTE_FACTORS[(match[2] ?? '').toUpperCase()] ?? 1);
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : undefined;
}

/** "50ms", "1.5s", "50" (milliseconds) to milliseconds. Undefined if it is not a duration. */
export function parseMs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const factor = { ms: 1, s: 1000, m: 60_000 }[(match[2] ?? 'ms').toLowerCase()] ?? 1;
  return Number(match[1]) * factor;
}

const BIT_FACTORS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

/** "1gbit", "500mbit" to bytes per second (decimal multiples, as links are sold). Undefined if it is not a rate. */
export function parseBitRate(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?)bit(?:\/s)?$/i.exec(text.trim());
  if (match === null) return undefined;
  return (Number(match[1]) * (BIT_FACTORS[(match[2] ?? '').toLowerCase()] ?? 1)) / 8;
}

/** 268435456 to "256 MiB"; at most one decimal. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toFixed(value < 10 && unit > 0 ? 1 : 0))} ${units[unit] ?? ''}`;
}

/** 0.4321 to "0.4 ms", 812 to "812 ms", 2500 to "2.50 s". */
export function formatMs(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(2)} s`;
}

/** 1 Gbit/s less the overhead of Ethernet, IP and TCP, in bytes per second: what is assumed of a link that was never measured. */
export const ASSUMED_LINK_BYTES_PER_SECOND = 117e6;

/** "1 VM", "2 VMs". */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
