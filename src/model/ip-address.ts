/** One text for all ways to write an IP address, so that two can be compared; null: it is none. */
export function plainAddress(text: string): string | null {
  if (!text.includes(':')) return isIpv4(text) ? text : null;
  const groups = groupsOf(text);
  if (groups === null) return null;
  // A version 4 address in the clothes of version 6 leads to the same machine.
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (!isMapped) return groups.map((group) => group.toString(16)).join(':');
  const [high = 0, low = 0] = groups.slice(6);
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

/** Dotted decimal. A leading zero means octal to some, so it is not allowed. */
export function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return (
    parts.length === 4 &&
    parts.every((part) => /^\d{1,3}$/.test(part) && String(Number(part)) === part && Number(part) < 256)
  );
}

/** The eight numbers of 16 bits (RFC 4291, 2.2). */
function groupsOf(text: string): number[] | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head, tail] = halves.map(numbersOf);
  if (head === null || head === undefined || tail === null) return null;
  if (tail === undefined) return head.length === 8 ? head : null;
  const missing = 8 - head.length - tail.length;
  return missing < 1 ? null : [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

function numbersOf(half: string): number[] | null {
  if (half === '') return [];
  const parts = half.split(':');
  const last = parts.at(-1) ?? '';
  const numbers: number[] = [];
  for (const part of last.includes('.') ? parts.slice(0, -1) : parts) {
    if (!/^[0-9a-f]{1,4}$/i.test(part)) return null;
    numbers.push(Number.parseInt(part, 16));
  }
  if (!last.includes('.')) return numbers;
  if (!isIpv4(last)) return null;
  const [a = 0, b = 0, c = 0, d = 0] = last.split('.').map(Number);
  return [...numbers, a * 256 + b, c * 256 + d];
}
