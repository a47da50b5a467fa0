/**
 * Stands on a machine of a lab with a member's certificate, and says what it gets with it.
 * Arguments: directory of cert.pem, key.pem and ca-cert.pem; then `link ADDRESS NAME` or `store ADDRESS NAME KEY VALUE`.
 * Prints `accepted` or `refused`, and `revoked` where an agent says so.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createEtcdStore } from '../../src/adapters/etcd/etcd-store.ts';
import { createPeerLink } from '../../src/adapters/peer-link/peer-link.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { silentLog } from '../integration/peer-link-fixture.ts';

const [directory = '', what = '', address = '', name = '', key = '', value = ''] = process.argv.slice(2);
const pem = (file: string) => readFileSync(join(directory, file));
const identity = { ca: pem('ca-cert.pem'), cert: pem('cert.pem'), key: pem('key.pem') };

console.log(await (what === 'link' ? askAgent() : askStore()));
process.exit(0);

async function askStore(): Promise<string> {
  const endpoints = [{ name, address, port: 2379 }];
  const store = createEtcdStore({ endpoints, ...identity, clock: systemClock });
  const write = [{ put: key, value: JSON.parse(value) as unknown }];
  return (await store.transact({ compare: [], write }, 1500)).kind === 'applied' ? 'accepted' : 'refused';
}

async function askAgent(): Promise<string> {
  let answer = 'refused';
  const options = { nodeName: 'somebody', bootId: 'b', listenPort: 1, listenAddress: '127.0.0.1' };
  const onRevoked = () => void (answer = 'revoked');
  const link = createPeerLink({ ...options, tls: identity, onRevoked, clock: systemClock, log: silentLog });
  await link
    .peer(name, [address], 8441)
    .call('ping', {}, 1500)
    .then(
      () => (answer = 'accepted'),
      () => undefined,
    );
  return answer;
}
