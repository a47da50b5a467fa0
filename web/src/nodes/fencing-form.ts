// Options of a fence agent as lines of text, and back.

const SECRET_SHOWN = '***';

export type FencingForm =
  | { readonly kind: 'ready'; readonly options: Readonly<Record<string, string>> }
  | { readonly kind: 'malformed'; readonly line: string }
  /** A secret that the cluster does not show must be typed again. */
  | { readonly kind: 'secret'; readonly name: string };

export function readOptions(text: string): FencingForm {
  const options: Record<string, string> = {};
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (line === '') continue;
    const at = line.indexOf('=');
    if (at <= 0) return { kind: 'malformed', line };
    const [name, value] = [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    if (value === SECRET_SHOWN) return { kind: 'secret', name };
    options[name] = value;
  }
  return { kind: 'ready', options };
}

export function writeOptions(options: Readonly<Record<string, string>>): string {
  return Object.entries(options)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
}
