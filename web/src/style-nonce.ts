/**
 * The page's Content-Security-Policy lets in style elements with its nonce only. Griffel takes it as an option; libraries that make style
 * elements by themselves (the terminal) get it here.
 */
export function giveStylesTheNonce(): string | undefined {
  const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content;
  if (nonce === undefined) return undefined;
  const create = document.createElement.bind(document);
  document.createElement = ((tag: string, options?: ElementCreationOptions) => {
    const element = create(tag, options);
    if (element instanceof HTMLStyleElement) element.nonce = nonce;
    return element;
  }) as typeof document.createElement;
  return nonce;
}
