/**
 * `npm run demo`: a lab of two nodes and a witness, a real guest, an open TCP connection to it, one live migration there and
 * one back, two receipts. Exits 0 only if both completed and the connection survived. On a terminal the lab stays up until a key is
 * pressed, for a look at it in the browser.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const LAB = 'demo';
const VM = 'WebServer';
const root = join(import.meta.dirname, '..');
const godwit = join(root, 'godwit');

let client: ChildProcess | undefined;
process.on('SIGINT', () => void endBy(130));
process.on('SIGTERM', () => void endBy(143));

try {
  process.exitCode = await demo();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  client?.kill();
  await run('lab', 'down', '--name', LAB);
}

async function demo(): Promise<number> {
  say('A lab: two nodes, a witness and a client machine, made of network namespaces');
  await run('lab', 'down', '--name', LAB);
  await must('lab', 'up', '--name', LAB);
  await sayWhereTheConsoleIs();
  say(`A real guest called ${VM}`);
  await must('vm', 'create', VM, '--memory', '256M', '--cpus', '1', '--image', 'lab', '--start', '--lab', LAB);
  const { addresses } = JSON.parse(await output('vm', 'show', VM, '--json', '--lab', LAB)) as { addresses: string[] };
  const address = (addresses[0] ?? '').split('/')[0] ?? '';
  say(`A TCP connection from the client machine to ${address}, a numbered line every 100 ms`);
  const connection = await holdConnection(address);
  for (const destination of ['node2', 'node1']) {
    say(`Live migration to ${destination}`);
    await must('vm', 'migrate', VM, '--to', destination, '--lab', LAB);
  }
  const seen = await connection.end();
  say('What the client saw on its one connection');
  console.log(`  lines received          ${seen.lines}, missing ${seen.missing}`);
  console.log(`  longest time without    ${seen.longestGapMs} ms (a line is due every 100 ms)`);
  console.log(`  connection              ${seen.broken ?? 'kept through both migrations'}`);
  const kept = seen.broken === null && seen.missing === 0 && seen.lines > 0;
  if (process.stdin.isTTY && process.stdout.isTTY) await stayUntilKey();
  return kept ? 0 : 1;
}

async function sayWhereTheConsoleIs(): Promise<void> {
  const { url, user, password } = JSON.parse(await output('lab', 'status', '--name', LAB, '--json')) as LabAccess;
  say('The Failover Cluster Manager of this lab, in a browser on this machine');
  console.log(`  address   ${url}   (its certificate is the lab's own: the browser warns once)`);
  console.log(`  user      ${user}`);
  console.log(`  password  ${password}`);
}

interface LabAccess {
  readonly url: string;
  readonly user: string;
  readonly password: string;
}

/** A visitor can try the console on what is there; somebody else's script goes on. */
async function stayUntilKey(): Promise<void> {
  await sayWhereTheConsoleIs();
  say(`The lab stays up. Try "Live migration" on ${VM} in the browser. Press any key to take it down`);
  await new Promise<void>((resolve) => {
    process.stdin.setRawMode(true);
    process.stdin.resume();
    process.stdin.once('data', () => resolve());
  });
  process.stdin.setRawMode(false);
  process.stdin.pause();
}

interface Seen {
  readonly lines: number;
  readonly missing: number;
  readonly longestGapMs: number;
  readonly broken: string | null;
}

/** The guest's services come up some seconds after its start: tries until the connection stands. */
async function holdConnection(address: string): Promise<{ end(): Promise<Seen> }> {
  const giveUpAt = Date.now() + 90_000;
  while (Date.now() < giveUpAt) {
    const args = ['lab', 'exec', '--name', LAB, 'client', '--'];
    const program = [join(root, 'node_modules/.bin/node'), join(root, 'scripts/ticker-client.ts'), address];
    const child = spawn(godwit, [...args, ...program], { stdio: ['pipe', 'pipe', 'inherit'] });
    client = child;
    const lines: string[] = [];
    const { promise: first, resolve } = Promise.withResolvers<string>();
    const closed = new Promise<void>((done) => child.on('close', () => done()));
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      resolve(line);
    });
    if ((await Promise.race([first, closed])) === 'connected') {
      return {
        end: async () => {
          child.stdin.end();
          await closed;
          return JSON.parse(lines.at(-1) ?? '{}') as Seen;
        },
      };
    }
    await closed;
    await new Promise((wait) => setTimeout(wait, 300));
  }
  throw new Error('The guest did not answer within 90 s. Look at its console log below the lab directory.');
}

function say(text: string): void {
  console.log(`\n== ${text}`);
}

function run(...args: string[]): Promise<number> {
  return new Promise((resolve) => {
    const quiet = args[0] === 'lab' && args[1] === 'down';
    const child = spawn(godwit, args, {
      cwd: root,
      stdio: ['ignore', quiet ? 'ignore' : 'inherit', quiet ? 'ignore' : 'inherit'],
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
}

async function must(...args: string[]): Promise<void> {
  const status = await run(...args);
  if (status !== 0) throw new Error(`\`godwit ${args.join(' ')}\` ended with status ${status}.`);
}

function output(...args: string[]): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(godwit, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.on('close', () => resolve(text));
  });
}

async function endBy(status: number): Promise<void> {
  client?.kill();
  await run('lab', 'down', '--name', LAB);
  process.exit(status);
}
