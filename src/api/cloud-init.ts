// What a guest with cloud-init is told at its first boot: checks, and the three texts of a NoCloud seed.
import type { CloudInit } from '../contract/vm-hardware.ts';
import type { AgentConfig } from '../model/agent-config.ts';
import { isIpv4 } from '../model/ip-address.ts';
import type { VmDefinition } from '../model/vm.ts';
import type { CloudInitSeeds, SeedFiles } from '../ports/cloud-init.ts';
import type { GuestImage } from './guest-image.ts';
import { invalid } from './invalid-input.ts';

const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
/** As useradd(8) takes it by default. */
const USER_NAME = /^[a-z_][a-z0-9_-]{0,31}$/;
const SSH_KEY = /^(ssh-|ecdsa-|sk-)[\w@.-]+ [A-Za-z0-9+/]+={0,3}( [^\r\n]*)?$/;
const PASSWORD_MAX = 128;

/** With the hash in the place of the password. */
export type ToldByCloudInit = Omit<CloudInit, 'password'> & { readonly passwordHash: string | null };

/** Throws INVALID_INPUT. */
export function checkCloudInit(
  told: CloudInit,
  { image, config }: { readonly image: GuestImage; readonly config: AgentConfig },
): CloudInit {
  const { hostname, user, password, sshAuthorizedKeys = [], network } = told;
  if (image.kind === 'lab' || image.kind === 'empty') {
    throw invalid('Only the system in an image can have cloud-init.', 'Give an image, or leave out what it is told.');
  }
  if (hostname !== undefined && !HOST_NAME.test(hostname)) {
    throw invalid(`"${hostname}" cannot be a host name.`, 'Use up to 63 letters, digits and hyphens.');
  }
  if (user !== undefined && !USER_NAME.test(user)) {
    throw invalid(`"${user}" cannot be the name of a user.`, 'Use up to 32 lower-case letters, digits, "_" and "-".');
  }
  if (password !== undefined && (password === '' || password.length > PASSWORD_MAX || /[\r\n\0]/.test(password))) {
    throw invalid('The password cannot be used.', `Give one of 1 to ${PASSWORD_MAX} characters in one line.`);
  }
  const badKey = sshAuthorizedKeys.findIndex((key) => !SSH_KEY.test(key));
  if (badKey >= 0) {
    const nextStep = 'Give the content of a file such as ~/.ssh/id_ed25519.pub.';
    throw invalid(`SSH key ${badKey + 1} is no public key in one line.`, nextStep);
  }
  if (network !== undefined) checkNetwork(network, config);
  return told;
}

function checkNetwork({ address, gateway, nameservers = [] }: NonNullable<CloudInit['network']>, config: AgentConfig) {
  if (address === 'auto' && config.guestAddresses === null) {
    throw invalid('This cluster hands out no addresses.', 'Give an address with prefix length, or "dhcp".');
  }
  if (address !== 'auto' && address !== 'dhcp') {
    const [host = '', prefix = ''] = address.split('/');
    const fits = isIpv4(host) && /^\d{1,2}$/.test(prefix) && Number(prefix) >= 1 && Number(prefix) <= 32;
    if (!fits) throw invalid(`"${address}" is no address with prefix length.`, 'Give one such as 10.0.0.5/24.');
  }
  if (address === 'dhcp' && (gateway !== undefined || nameservers.length > 0)) {
    throw invalid('With DHCP, gateway and name servers come from there too.', 'Leave them out, or give an address.');
  }
  const bad = [...(gateway === undefined ? [] : [gateway]), ...nameservers].find((one) => !isIpv4(one));
  if (bad !== undefined) throw invalid(`"${bad}" is no IPv4 address.`, 'Give one such as 10.0.0.1.');
}

/** Nothing after this knows the password. */
export async function withHashedPassword(seeds: CloudInitSeeds, told: CloudInit): Promise<ToldByCloudInit> {
  const { password, ...rest } = told;
  return { ...rest, passwordHash: password === undefined ? null : await seeds.hashPassword(password) };
}

/** JSON is YAML, and nothing in it has to be escaped by hand. */
export function seedFiles(told: ToldByCloudInit, definition: VmDefinition): SeedFiles {
  const hostname = told.hostname ?? definition.name;
  return {
    'user-data': `#cloud-config\n${text(userData(told, hostname))}`,
    'meta-data': text({ 'instance-id': definition.uuid, 'local-hostname': hostname }),
    'network-config': text(networkConfig(told, definition)),
  };
}

function text(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Keys of https://cloudinit.readthedocs.io/en/latest/reference/modules.html (users and groups, set passwords). */
function userData({ user, passwordHash, sshAuthorizedKeys = [] }: ToldByCloudInit, hostname: string) {
  const keys = sshAuthorizedKeys.length === 0 ? {} : { ssh_authorized_keys: sshAuthorizedKeys };
  const allowed = passwordHash === null ? {} : { ssh_pwauth: true };
  if (user === undefined) {
    const password = passwordHash === null ? {} : { password: passwordHash, chpasswd: { expire: false } };
    return { hostname, ...keys, ...allowed, ...password };
  }
  const login = passwordHash === null ? { lock_passwd: true } : { lock_passwd: false, passwd: passwordHash };
  const account = { name: user, sudo: 'ALL=(ALL) NOPASSWD:ALL', shell: '/bin/bash', ...login, ...keys };
  return { hostname, ...allowed, users: [account] };
}

/** Version 2 of https://cloudinit.readthedocs.io/en/latest/reference/network-config-format-v2.html */
function networkConfig({ network }: ToldByCloudInit, { nics }: VmDefinition) {
  const [nic] = nics;
  const match = { macaddress: nic?.macAddress ?? '' };
  if (nic === undefined || nic.address === null) return { version: 2, ethernets: { nic0: { match, dhcp4: true } } };
  const { gateway, nameservers = [] } = network ?? {};
  const fixed = {
    ...{ match, addresses: [nic.address] },
    ...(gateway !== undefined && { routes: [{ to: '0.0.0.0/0', via: gateway }] }),
    ...(nameservers.length > 0 && { nameservers: { addresses: nameservers } }),
  };
  return { version: 2, ethernets: { nic0: fixed } };
}
