// Options of fence agents: which of them are not an administrator's to set, and which are secret.

/** What is done is for the cluster to say, never a reboot or a power cycle; and no log that would have the password in it. */
const OWN_OPTIONS = ['action', 'option', 'method', 'debug', 'debug_file', 'verbose', 'verbose_level', 'quiet'];

/** Null: the option may be passed on. Otherwise why not, one sentence. */
export function whyNotOption(name: string, value: string): string | null {
  if (!/^[A-Za-z][A-Za-z0-9_-]*$/.test(name)) return `"${name}" cannot be the name of an option.`;
  if (OWN_OPTIONS.includes(name.replaceAll('-', '_'))) return `The option "${name}" is set by Godwit itself.`;
  // Options go to the agent one per line.
  return /[\n\r\0]/.test(value) ? `The value of the option "${name}" has a line break in it.` : null;
}

export function isSecretOption(name: string): boolean {
  return /pass|secret|token|key|community/i.test(name);
}

/** "fence_ipmilan", "fence_redfish" … */
export function isFenceAgentName(name: string): boolean {
  return /^fence_[a-z0-9_]{1,60}$/.test(name);
}
