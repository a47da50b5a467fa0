// What the browser remembers for this user: taste only, never anything of the cluster. It may refuse to keep it.

type Taste = 'language' | 'theme' | `columns.${string}` | `panes.${string}` | `migration.${string}`;

export function remembered(what: Taste): string | null {
  try {
    return localStorage.getItem(`godwit.${what}`);
  } catch {
    return null;
  }
}

export function remember(what: Taste, value: string): void {
  try {
    localStorage.setItem(`godwit.${what}`, value);
  } catch {
    // It holds until the page is left.
  }
}
