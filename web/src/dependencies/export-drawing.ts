// A drawing outside of the page: as a file, and on paper. There, no theme resolves its colours.
import { saveFile } from '../ui/save-file.ts';

const MARGIN = 24;
const TITLE_HEIGHT = 48;

export interface Sheet {
  /** The group that holds the drawing. */
  readonly drawing: SVGGElement;
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** Values of the tokens. */
  readonly theme: Readonly<Record<string, string | number>>;
}

/** The text of an SVG file that looks the same everywhere. */
export function svgText({ drawing, width, height, title, theme }: Sheet): string {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const [wide, high] = [width + 2 * MARGIN, height + 2 * MARGIN + TITLE_HEIGHT];
  svg.setAttribute('viewBox', `0 0 ${wide} ${high}`);
  svg.setAttribute('width', String(wide));
  svg.setAttribute('height', String(high));
  svg.setAttribute('font-family', 'var(--fontFamilyBase)');
  const back = element('rect', { width: wide, height: high, fill: 'var(--colorNeutralBackground1)' });
  const head = element('text', {
    ...{ x: MARGIN, y: MARGIN + 20, 'font-size': 20, 'font-weight': 600, fill: 'var(--colorNeutralForeground1)' },
  });
  head.textContent = title;
  const copy = drawing.cloneNode(true) as SVGGElement;
  copy.setAttribute('transform', `translate(${MARGIN} ${MARGIN + TITLE_HEIGHT})`);
  for (const one of copy.querySelectorAll('*')) for (const name of PAGE_ONLY) one.removeAttribute(name);
  svg.append(back, head, copy);
  const text = new XMLSerializer().serializeToString(svg);
  return text.replaceAll(/var\(--(\w+)\)/g, (_all, token: string) => String(theme[token] ?? '').replaceAll('"', "'"));
}

/** What has a meaning in the page only. */
const PAGE_ONLY = ['class', 'tabindex', 'role', 'aria-label', 'aria-describedby', 'aria-hidden'];

function element(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

export function saveSvg(sheet: Sheet, fileName: string): void {
  saveFile(fileName, new Blob([svgText(sheet)], { type: 'image/svg+xml' }));
}

/** Opens the browser's print dialog with the drawing alone, as wide as the paper. */
export function printDrawing(sheet: Sheet, footer: string): void {
  const frame = document.createElement('iframe');
  frame.style.position = 'fixed';
  frame.style.width = '0';
  frame.style.height = '0';
  frame.style.border = '0';
  frame.setAttribute('aria-hidden', 'true');
  document.body.append(frame);
  const page = frame.contentDocument;
  const window = frame.contentWindow;
  if (page === null || window === null) return frame.remove();
  page.title = sheet.title;
  const svg = new DOMParser().parseFromString(svgText(sheet), 'image/svg+xml').documentElement;
  svg.setAttribute('width', '100%');
  svg.removeAttribute('height');
  const foot = page.createElement('p');
  foot.textContent = footer;
  foot.style.fontFamily = 'sans-serif';
  foot.style.fontSize = '10px';
  page.body.append(page.importNode(svg, true), foot);
  window.addEventListener('afterprint', () => frame.remove());
  window.focus();
  window.print();
}
