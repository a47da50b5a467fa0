// What the browser remembers for this user: preferences only, never anything of the cluster. It may refuse to keep it.

type Preference = 'language' | 'theme' | `columns.${string}` | `panes.${string}` | `migration.${string}`;

export function remembered(what: Preference): string | null {
  try {
    return localStorage.getItem(`godwit.${what}`);
  } catch {
    return null;
  }
}

export function remember(what: Preference, value: string): void {
  try {
    localStorage.setItem(`godwit.${what}`, value);
  } catch {
    // It holds until the page is left.
  }
}
