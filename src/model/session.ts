/**
 * Somebody who has signed in from a browser. Key `/godwit-sessions/<id>`, where the id is the SHA-256 of the cookie's secret (hex), so that
 * nobody who reads the store can use what is in it.
 */
export interface SessionRecord {
  readonly user: string;
  readonly createdAt: string;
  /** Written now and then, not at each request. */
  readonly usedAt: string;
  /** Whatever happens. */
  readonly expiresAt: string;
  /** SHA-256 (hex) of the second secret, which the page shows to other nodes. */
  readonly relayHash: string;
  /** SHA-256 (hex) of the name and the password's hash in the configuration: when either has changed, the session is over. */
  readonly credentialHash: string;
}
