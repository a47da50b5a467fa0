import type { VmDefinition } from './vm.ts';

/** Stable text of a definition: keys sorted at every depth, so that equal definitions give equal texts. */
export function canonicalDefinition(definition: VmDefinition): string {
  return JSON.stringify(definition, (_key, value: unknown) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
    const source = value as Record<string, unknown>;
    const sorted: Record<string, unknown> = {};
    for (const key of Object.keys(source).sort()) sorted[key] = source[key];
    return sorted;
  });
}

/** FNV-1a, 64 bits, hexadecimal: tells two definitions apart; no protection against forgery is needed or given. */
export function definitionHash(definition: VmDefinition): string {
  let hash = 0xcbf29ce484222325n;
  for (const character of canonicalDefinition(definition)) {
    hash ^= BigInt(character.codePointAt(0) ?? 0);
    hash = (hash * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return hash.toString(16).padStart(16, '0');
}
