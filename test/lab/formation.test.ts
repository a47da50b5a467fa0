/** Who is let into a cluster and who is not, and what becomes of the certificate of a node that was removed. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeAuthority } from '../../src/adapters/pki/certificate-authority.ts';
import { makeRequest } from '../../src/adapters/pki/key-pair.ts';
import { openAuthority } from '../../src/adapters/pki/open-authority.ts';
import { createClient } from '../../src/client/client.ts';
import { createNodeTransport } from '../../src/client/node-transport.ts';
import { createJoinToken, evictNode, joinCluster } from '../../src/contract/join.ts';
import { labBoot, labCrash } from '../../src/lab/lab.ts';
import { keys } from '../../src/model/keys.ts';
import { LabCluster, until } from './lab-cluster.ts';

const LAB = 'formation';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let lab: LabCluster;
/** Of the API of node1, on the client network. */
let url: string;
const addressOf = (machine: string, network: 'cluster' | 'client' = 'cluster') =>
  lab.status.machines.find(({ name }) => name === machine)?.addresses[network] ?? '';
const pkiOf = (machine: string) => join(lab.status.directory, 'machines', machine, 'pki');

beforeAll(async () => {
  lab = await LabCluster.up(LAB);
  url = `https://${addressOf('node1', 'client')}:8440`;
});

afterAll(async () => {
  await lab?.down();
});

interface Outcome {
  readonly status: number;
  /** Of the error; undefined where the command succeeded. */
  readonly code: string | undefined;
  readonly stdout: string;
}

/** On a machine of the lab, as far as its network goes. */
function run(machine: string, command: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const argv = ['netns', 'exec', lab.namespace(machine), ...command];
    execFile('ip', argv, { cwd: ROOT, timeout: 60_000 }, (error, stdout, stderr) => {
      const code = /"code":\s*"([A-Z_]+)"/.exec(stderr)?.[1];
      resolve({ status: error === null ? 0 : Number(error.code ?? 1), code, stdout });
    });
  });
}

interface Joiner {
  readonly token: string;
  readonly node?: string;
  readonly address?: string;
  /** Where its files go; another one is another machine. */
  readonly place: string;
  readonly certificateAddresses?: readonly string[];
}

/** The command that an administrator gives, on the client machine. */
async function letIn({ token, place, ...more }: Joiner): Promise<string> {
  const home = join(lab.status.directory, 'joiners', place);
  mkdirSync(home, { recursive: true });
  const at = (name: string) => join(home, name);
  const options = {
    ...{ stateDirectory: at('state'), runtimeDirectory: at('run'), logDirectory: at('log') },
    ...{ guard: null, switches: [], qemu: { user: null }, certificateAddresses: more.certificateAddresses ?? [] },
  };
  writeFileSync(at('options.json'), JSON.stringify(options));
  const { code } = await run('client', [
    ...['./godwit', '--json', 'cluster', 'join', url, '--token', token, '--wait', '5'],
    ...['--node', more.node ?? 'node4', '--address', more.address ?? '10.77.0.94'],
    ...['--config-directory', at('config'), '--options', at('options.json')],
  ]);
  return code ?? 'let in';
}

const pkiOfJoiner = (place: string) => join(lab.status.directory, 'joiners', place, 'config/pki');

async function newToken(): Promise<string> {
  return (await lab.ask((client) => client.call(createJoinToken, { body: {} }))).token;
}

/** What a machine says that this program cannot be: of another version, with another clock. */
async function raw(change: { version?: string; wallMs?: number }): Promise<string> {
  const { request } = await makeRequest('node4');
  const [, id = '', secret = ''] = (await newToken()).split('.');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const ca = readFileSync(lab.status.caCertificate, 'utf8');
  const transport = createNodeTransport({ url: lab.status.url, user: '', password: '', ca });
  const applicant = {
    ...{ name: 'node4', role: 'node' as const, addresses: ['10.77.0.94'], storeFormat: 1 },
    ...{ version, wallMs: Date.now(), ...change },
  };
  const body = { token: { id, secret }, applicant, certificateAddresses: [], request, qemuRequest: request };
  try {
    await createClient(transport).call(joinCluster, { body });
    return 'let in';
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    transport.close();
  }
}

/** With these certificates, from the witness's place in the cluster network. */
async function member(pki: string, ...what: string[]): Promise<string> {
  const process_ = ['node_modules/.bin/node', 'test/lab/member-process.ts', pki, ...what];
  return (await run('witness', process_)).stdout.trim();
}
const asksStore = (pki: string, machine = 'node1') =>
  member(pki, 'store', addressOf(machine), machine, '/probe', JSON.stringify(Date.now()));
const asksAgent = (pki: string, machine = 'node1') => member(pki, 'link', addressOf(machine), machine);

describe('a machine is refused', () => {
  test('with a token that is wrong, too old, or of another cluster', async () => {
    const token = await newToken();
    const [kind, id, , fingerprint] = token.split('.');
    const secret = 'x'.repeat(64);
    const other = await makeAuthority('other');
    const otherFingerprint = openAuthority(other.certificate, other.key).fingerprint;
    const old = {
      ...{ id: 'expired-token', secretHash: createHash('sha256').update(secret).digest('hex'), usedBy: null },
      ...{ createdAt: '2026-01-01T00:00:00.000Z', expiresAt: '2026-01-01T01:00:00.000Z' },
    };
    await member(pkiOf('node1'), 'store', addressOf('node1'), 'node1', keys.joinToken(old.id), JSON.stringify(old));
    const answers = await Promise.all([
      letIn({ token: `${kind}.${id}.${secret}.${fingerprint}`, place: 'wrong' }),
      letIn({ token: `${kind}.${old.id}.${secret}.${fingerprint}`, place: 'old' }),
      letIn({ token: token.replace(fingerprint ?? '', otherFingerprint), place: 'other-ca' }),
    ]);
    expect(answers).toEqual(['JOIN_TOKEN_INVALID', 'JOIN_TOKEN_EXPIRED', 'JOIN_CA_UNKNOWN']);
  });

  test('with another version or a wrong clock', async () => {
    expect(await raw({ version: '99.0.0' })).toBe('JOIN_VERSION_UNSUITABLE');
    expect(await raw({ wallMs: Date.now() + 60_000 })).toBe('JOIN_CLOCK_WRONG');
  });

  test('with a name or an address of a member, or a certificate for one', async () => {
    const token = await newToken();
    const answers = await Promise.all([
      letIn({ token, place: 'name', node: 'node2' }),
      letIn({ token, place: 'address', address: addressOf('node2') }),
      letIn({ token, place: 'certificate', certificateAddresses: [addressOf('witness')] }),
    ]);
    expect(answers).toEqual(['JOIN_NAME_TAKEN', 'JOIN_ADDRESS_TAKEN', 'JOIN_ADDRESS_TAKEN']);
  });

  test('that belongs to a cluster already', async () => {
    const directory = join(lab.status.directory, 'machines/node2');
    const where = ['--config-directory', directory, '--options', join(directory, 'options.json')];
    const command = ['./godwit', '--json', 'cluster', 'join', url, '--token', await newToken(), ...where];
    expect((await run('node2', command)).code).toBe('JOIN_ALREADY_MEMBER');
  });
});

test('a token lets one machine in, and no other one, whatever name it takes; after its eviction it is refused, its successor not', async () => {
  const token = await newToken();
  expect(await letIn({ token, place: 'first' })).toBe('let in');
  const again = [
    letIn({ token, place: 'second' }),
    letIn({ token, place: 'third', node: 'node5', address: '10.77.0.95' }),
  ];
  expect(await Promise.all(again)).toEqual(['JOIN_TOKEN_INVALID', 'JOIN_TOKEN_INVALID']);
  expect(await asksStore(pkiOfJoiner('first'))).toBe('accepted');
  await lab.ask((client) => client.call(evictNode, { params: { name: 'node4' } }));
  await until('the list is there', async () => (await asksStore(pkiOfJoiner('first'))) === 'refused', 20_000);
  expect(await asksAgent(pkiOfJoiner('first'))).toBe('revoked');
  expect(await letIn({ token: await newToken(), place: 'successor' })).toBe('let in');
  expect(await Promise.all([asksStore(pkiOfJoiner('successor')), asksAgent(pkiOfJoiner('successor'))])).toEqual([
    'accepted',
    'accepted',
  ]);
});

test('a node that was removed is refused by every member, and its own agent says why', async () => {
  lab.askAt('node1');
  await labCrash(LAB, 'node2');
  await until('node2 is down', async () => ['down', 'fenced'].includes((await lab.stateOf('node2')) ?? ''), 60_000);
  await lab.ask((client) => client.call(evictNode, { params: { name: 'node2' } }));
  await until('the list is there', async () => (await asksStore(pkiOf('node2'))) === 'refused', 20_000);
  const answers = [asksStore(pkiOf('node2'), 'witness'), asksAgent(pkiOf('node2'), 'witness')];
  expect(await Promise.all(answers)).toEqual(['refused', 'revoked']);
  const from = lab.logSize('node2');
  await labBoot(LAB, 'node2');
  const log = () => readFileSync(lab.agentLog('node2'), 'utf8').slice(from);
  await until('its agent ends', () => log().includes('NODE_EVICTED'), 60_000);
});

test('the database was saved ahead of each change of its members', async () => {
  const saved = (await lab.events(new Date(0))).filter(({ kind }) => kind === 'store-saved');
  expect(saved.length).toBeGreaterThanOrEqual(4);
  expect(readdirSync(join(lab.status.directory, 'machines/node1/state/snapshots'))).toHaveLength(3);
});
