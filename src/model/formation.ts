/** Records about who belongs to the cluster: seats in the store, tokens to join with, nodes that were removed. */
import type { NodeName } from './names.ts';
import type { NodeRole } from './node.ts';

/** Format of everything below the store's prefix. An older version of Godwit does not understand a newer format. */
export const STORE_FORMAT = 1;

/** One member of the store. */
export interface SeatRecord {
  readonly name: NodeName;
  /** On the cluster network. */
  readonly address: string;
  /** Hexadecimal id that the store gave the member. */
  readonly id: string;
  /** Gets all data, has no vote yet. */
  readonly learner: boolean;
}

/**
 * Who keeps the store. Key `formation/seats`; written by whoever moves the seats, by compare-and-swap. The store itself has the truth;
 * this says it to all agents at once, also to those that are not members.
 */
export interface SeatsRecord {
  readonly members: readonly SeatRecord[];
  /** A change that is under way; null: none. */
  readonly change: { readonly what: string; readonly by: NodeName; readonly at: string } | null;
}

/** Key `formation/tokens/<id>`: what lets one machine join. The secret itself is nowhere but with who got it. */
export interface JoinTokenRecord {
  readonly id: string;
  /** SHA-256 of the secret, hexadecimal. */
  readonly secretHash: string;
  /** ISO times. */
  readonly createdAt: string;
  readonly expiresAt: string;
  /** `requestHash`: of the machine's certificate request, as in {@link NodeAdmission}. The same request may come again, another one may not. */
  readonly usedBy: { readonly node: NodeName; readonly at: string; readonly requestHash: string } | null;
}

/** Key `nodes/<name>/admission`: the node has been let in, which keeps its name and addresses for it before it first starts. */
export interface NodeAdmission {
  readonly role: NodeRole;
  readonly addresses: readonly string[];
  /** Further addresses that its certificate names. */
  readonly certificateAddresses?: readonly string[];
  readonly admittedAt: string;
  /** SHA-256 of the certificate request it came with, hexadecimal: tells this machine from an earlier one of the same name. */
  readonly requestHash: string;
  /** The node whose agent let it in. */
  readonly by: NodeName;
}

/** Key `formation/evicted/<name>`: the node was removed; goes when a node joins under that name. */
export interface EvictionRecord {
  readonly node: NodeName;
  readonly at: string;
  readonly by: string;
}

/** What a machine says of itself when it asks to join. */
export interface Applicant {
  readonly name: NodeName;
  readonly role: NodeRole;
  readonly addresses: readonly string[];
  /** Further addresses for its certificate. */
  readonly certificateAddresses: readonly string[];
  /** Version of Godwit. */
  readonly version: string;
  readonly storeFormat: number;
  /** Its clock, milliseconds since 1970. */
  readonly wallMs: number;
}

export interface IssuedCertificate {
  /** Serial number, hexadecimal, lower case. */
  readonly serial: string;
  /** ISO time. */
  readonly expiresAt: string;
}

/** Key `nodes/<name>/certificates`: all that were issued to the node and are still valid, so that an eviction revokes them all. */
export interface NodeCertificates {
  readonly issued: readonly IssuedCertificate[];
}

export interface RevokedCertificate extends IssuedCertificate {
  /** To whom it was issued. */
  readonly node: NodeName;
  /** ISO time. */
  readonly revokedAt: string;
}

/** Key `formation/revocations`: certificates that nobody accepts any more, though they have not expired. */
export interface RevocationRecord {
  readonly certificates: readonly RevokedCertificate[];
  /** The same, signed by the authority: a certificate revocation list (RFC 5280), PEM. */
  readonly list: string;
  /** Grows with every list. */
  readonly number: number;
  /** ISO times between which the list may be believed. */
  readonly signedAt: string;
  readonly validUntil: string;
}
