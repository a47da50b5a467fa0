import { stripVTControlCharacters, styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** How text is drawn: the width there is and how a style is put on. Renderers take nothing else from the world. */
export interface Look {
  /** Width in characters; Infinity where lines may be as long as they like. */
  readonly columns: number;
  readonly paint: (style: Style, text: string) => string;
}

/** Without colour, e.g. for files and tests. */
export function plainLook(columns = 80): Look {
  return { columns, paint: (_style, text) => text };
}

/** Colour on a terminal only; `NO_COLOR` and `FORCE_COLOR` are honoured by Node.js itself. */
export function lookOf(stream: NodeJS.WriteStream): Look {
  const columns = stream.isTTY ? stream.columns || 80 : Number(process.env['COLUMNS']) || 80;
  return { columns, paint: (style, text) => styleText(style, text, { stream, validateStream: true }) };
}

// Ranges that terminals draw two columns wide: Hangul, CJK, fullwidth forms, emoji.
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const ZERO = /\p{Mn}|\u200d|\ufe0f/u;

/** Columns a text takes on a terminal, colour codes not counted. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (!ZERO.test(character)) width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - textWidth(text)));
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - textWidth(text))) + text;
}

/** Cuts to a width; the last character says that something is missing. Loses colour where it cuts. */
export function truncate(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let kept = '';
  for (const character of stripVTControlCharacters(text)) {
    if (textWidth(kept + character) > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Breaks at spaces; every line but the first begins with `indent` spaces. A single long word is left whole. */
export function wrap(text: string, options: { readonly columns: number; readonly indent: number }): string {
  const lines: string[] = [];
  let line = ' '.repeat(options.indent);
  let empty = true;
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    if (!empty && textWidth(line) + 1 + textWidth(word) > options.columns) {
      lines.push(line);
      line = ' '.repeat(options.indent);
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line].join('\n').slice(options.indent);
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of `fraction` of `width` columns, to an eighth of a column; anything above nothing is visible. */
export function bar(fraction: number, width: number): string {
  const clamped = Math.min(1, Math.max(0, Number.isFinite(fraction) ? fraction : 0));
  const eighths = clamped > 0 ? Math.max(1, Math.round(clamped * width * 8)) : 0;
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
}
