/** Which certificates are revoked, and for how long the signed list of them may be believed. Pure. */
import type { IssuedCertificate, NodeCertificates, RevocationRecord, RevokedCertificate } from '../model/formation.ts';
import type { NodeName } from '../model/names.ts';

const DAY_MS = 86_400_000;
/** A list that is older is no longer believed by QEMU. etcd does not look at its age. */
const LIST_VALID_MS = 30 * DAY_MS;
/** Signed again at this age: a cluster that was off for twenty days finds its list valid. */
const LIST_RENEWED_AFTER_MS = 10 * DAY_MS;
/** Expired certificates stay in the list for a while: clocks differ. */
const KEPT_AFTER_EXPIRY_MS = DAY_MS;

/** What a node's record of its certificates becomes when it gets these. */
export function keepIssued(
  known: NodeCertificates | undefined,
  issued: readonly IssuedCertificate[],
  nowMs: number,
): NodeCertificates {
  const older = (known?.issued ?? []).filter(({ serial }) => !issued.some((one) => one.serial === serial));
  return { issued: [...older, ...issued].filter((one) => isOfUse(one, nowMs)) };
}

/** Everything that was issued to a node, from now on revoked with what was before. */
export function revokeAll(
  known: readonly RevokedCertificate[],
  { issued }: NodeCertificates,
  { node, nowMs }: { readonly node: NodeName; readonly nowMs: number },
): RevokedCertificate[] {
  const revokedAt = new Date(nowMs).toISOString();
  const added = issued
    .filter(({ serial }) => !known.some((one) => one.serial === serial))
    .map(({ serial, expiresAt }) => ({ serial, expiresAt, node, revokedAt }));
  return [...known, ...added].filter((one) => isOfUse(one, nowMs));
}

/** Whether the list has to be signed anew though nothing has changed. */
export function isListDue(record: RevocationRecord | undefined, nowMs: number): boolean {
  return record === undefined || nowMs >= Date.parse(record.signedAt) + LIST_RENEWED_AFTER_MS;
}

/** Of the list that follows on this one. */
export function nextValidity(record: RevocationRecord | undefined, nowMs: number) {
  return { number: (record?.number ?? 0) + 1, signedAtMs: nowMs, validUntilMs: nowMs + LIST_VALID_MS };
}

export function toRecord(
  certificates: readonly RevokedCertificate[],
  { number, signedAtMs, validUntilMs }: ReturnType<typeof nextValidity>,
  list: string,
): RevocationRecord {
  const iso = (ms: number) => new Date(ms).toISOString();
  return { certificates, list, number, signedAt: iso(signedAtMs), validUntil: iso(validUntilMs) };
}

function isOfUse({ expiresAt }: IssuedCertificate, nowMs: number): boolean {
  return Date.parse(expiresAt) + KEPT_AFTER_EXPIRY_MS > nowMs;
}
