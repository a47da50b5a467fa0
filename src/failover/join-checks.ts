/** Whether a machine may join the cluster. Pure: every refusal is an error with its own code. */
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { type Applicant, type JoinTokenRecord, STORE_FORMAT } from '../model/formation.ts';
import { plainAddress } from '../model/ip-address.ts';
import { isWellFormedName, type NodeName } from '../model/names.ts';

/** Clocks may be this far apart. */
export const CLOCK_DIFFERENCE_MAX_MS = 5000;

/** What the cluster knows when somebody wants to join. */
export interface JoinSight {
  /** Undefined: there is no token with that id. */
  readonly token: JoinTokenRecord | undefined;
  /** Whether the secret that came with the request is the token's. */
  readonly secretFits: boolean;
  readonly members: readonly {
    readonly name: NodeName;
    /** All of them, those that only its certificate names too. */
    readonly addresses: readonly string[];
    readonly version: string | null;
  }[];
  /** Version of the agent that answers. */
  readonly version: string;
  /** Its clock, milliseconds since 1970. */
  readonly wallMs: number;
}

/** Throws the reason against it; returns if there is none. */
export function checkJoin(applicant: Applicant, sight: JoinSight): void {
  checkToken(sight);
  checkVersion(applicant, sight);
  checkClock(applicant, sight);
  checkName(applicant, sight);
  checkAddresses(applicant, sight);
}

function checkToken({ token, secretFits, wallMs }: JoinSight): void {
  if (token === undefined || !secretFits) {
    throw refuse(
      'JOIN_TOKEN_INVALID',
      'The cluster has given out no such token.',
      'Make a new one with `godwit cluster token` on a node.',
    );
  }
  if (token.usedBy !== null) {
    throw refuse(
      'JOIN_TOKEN_INVALID',
      `The token was used already, by ${token.usedBy.node} at ${token.usedBy.at}: each lets one machine join.`,
      'Make a new one with `godwit cluster token` on a node.',
    );
  }
  if (Date.parse(token.expiresAt) <= wallMs) {
    throw refuse(
      'JOIN_TOKEN_EXPIRED',
      `The token was valid until ${token.expiresAt}.`,
      'Make a new one with `godwit cluster token` on a node.',
    );
  }
}

function checkVersion(applicant: Applicant, sight: JoinSight): void {
  const versions = [sight.version, ...sight.members.flatMap(({ version }) => version ?? [])];
  const other = versions.find((version) => !areCompatible(applicant.version, version));
  if (other !== undefined) {
    throw refuse(
      'JOIN_VERSION_UNSUITABLE',
      `This machine has version ${applicant.version} of Godwit and the cluster has ${other}: they may differ by one minor version.`,
      `Install version ${sight.version} on this machine.`,
    );
  }
  if (applicant.storeFormat < STORE_FORMAT) {
    throw refuse(
      'JOIN_VERSION_UNSUITABLE',
      `The cluster's records have format ${STORE_FORMAT}, and this machine's version understands ${applicant.storeFormat}.`,
      `Install version ${sight.version} on this machine.`,
    );
  }
}

/** The same major version, and minor versions that are neighbours at most. */
export function areCompatible(one: string, other: string): boolean {
  const [major, minor] = parts(one);
  const [otherMajor, otherMinor] = parts(other);
  if ([major, minor, otherMajor, otherMinor].some(Number.isNaN)) return false;
  return major === otherMajor && Math.abs(minor - otherMinor) <= 1;
}

function parts(version: string): [number, number] {
  const [, major, minor] = /^(\d+)\.(\d+)\./.exec(version) ?? [];
  return [Number(major ?? Number.NaN), Number(minor ?? Number.NaN)];
}

function checkClock(applicant: Applicant, sight: JoinSight): void {
  const aheadMs = applicant.wallMs - sight.wallMs;
  if (Math.abs(aheadMs) <= CLOCK_DIFFERENCE_MAX_MS) return;
  const seconds = Math.abs(aheadMs / 1000).toFixed(1);
  throw refuse(
    'JOIN_CLOCK_WRONG',
    `This machine's clock is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the cluster's; 5 s are allowed.`,
    'Set the clocks by a time service (chrony, systemd-timesyncd) on all nodes, then try again.',
  );
}

function checkName({ name }: Applicant, sight: JoinSight): void {
  if (!isWellFormedName(name)) {
    throw refuse(
      'NAME_MALFORMED',
      `"${name}" cannot be the name of a node.`,
      'Use 1 to 63 letters, digits and hyphens: --node NAME.',
    );
  }
  const known = sight.members.find((member) => member.name.toLowerCase() === name.toLowerCase());
  if (known === undefined) return;
  throw refuse(
    'JOIN_NAME_TAKEN',
    `The cluster has a member called ${known.name}.`,
    `Choose another name with --node; if this machine replaces it, remove the old one first: godwit node evict ${known.name}`,
  );
}

/** Also those that only the certificate would name: with it this machine could pass for the other one. */
function checkAddresses({ addresses, certificateAddresses }: Applicant, sight: JoinSight): void {
  for (const address of [...addresses, ...certificateAddresses]) {
    const plain = plainAddress(address);
    if (plain === null) {
      throw refuse('INVALID_INPUT', `"${address}" is not an IP address.`, 'Correct --address or certificateAddresses.');
    }
    const owner = sight.members.find((member) => member.addresses.some((other) => plainAddress(other) === plain));
    if (owner === undefined) continue;
    throw refuse(
      'JOIN_ADDRESS_TAKEN',
      `${address} is an address of ${owner.name}.`,
      `Give this machine an address of its own; if it replaces ${owner.name}, remove that first: godwit node evict ${owner.name}`,
    );
  }
}

function refuse(code: GodwitError['code'], message: string, nextStep: string): GodwitError {
  return new GodwitError({ code, message, state: NOTHING_CHANGED, nextStep });
}
