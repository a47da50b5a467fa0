/** The Failover Cluster Manager in a real browser on a real lab: what an administrator does in a first hour. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, expect as see, type Page } from '@playwright/test';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { getHealth } from '../../src/contract/cluster.ts';
import { labBoot, labCrash } from '../../src/lab/lab.ts';
import { LabCluster, until, VM } from '../lab/lab-cluster.ts';
import { ConsoleWindow, launchBrowser, type Look } from './console-browser.ts';

const ROOT = join(import.meta.dirname, '../..');
const ENGLISH: Look = { language: 'en', theme: 'light' };
const PHASES = [
  'Pre-Migration',
  'Reservation',
  'Iterative Pre-Copy',
  'Stop-and-Copy',
  'Commitment and Activation',
] as const;

let lab: LabCluster;
let browser: Browser;
let window: ConsoleWindow;

beforeAll(async () => {
  lab = await LabCluster.up('browser');
  browser = await launchBrowser();
  window = await ConsoleWindow.open(browser, lab.status, { look: ENGLISH });
});

afterAll(async () => {
  await browser.close();
  await lab.down();
});

/** What the browser showed when a test failed, if `GODWIT_SCREENSHOTS` names a directory for it. */
afterEach(async ({ task }) => {
  const directory = process.env['GODWIT_SCREENSHOTS'];
  if (directory === undefined || task.result?.state !== 'fail') return;
  await window.page.screenshot({ path: join(directory, `${task.name.replaceAll(/[^a-z0-9]+/gi, '-')}.png`) });
});

function otherNode(node: string): string {
  return node === 'node1' ? 'node2' : 'node1';
}

describe('the console', () => {
  test('signs nobody in with a wrong password, and says so', async () => {
    const { page } = window;
    await page.locator('input[name=password]').fill('wrong');
    await page.locator('button[type=submit]').click();
    await see(page.getByText('The user or the password is wrong.')).toBeVisible();
    // That this request is refused is on the browser's console, rightly.
    expect(window.complaints.splice(0)).toEqual([expect.stringContaining('401')]);
    await window.signIn(lab.status);
    await see(page.getByRole('treeitem', { name: /Virtual machines/ })).toBeVisible();
  });

  test('makes a VM with the wizard and starts it', async () => {
    const { page } = window;
    await page.goto('/vms');
    await page.getByRole('button', { name: 'New VM…' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill(VM);
    await dialog.getByRole('button', { name: 'Create and start' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await window.waitForRow(VM, 'Running');
    await until('the guest answers', () => lab.guestAnswers(), 60_000);
  });

  test('moves a running VM by right click, five phases to see, and loses no line of a TCP connection', async () => {
    const { page } = window;
    const source = await lab.ownerOf();
    const client = await holdConnection();
    await window.act(VM, 'live-migrate', `migrate-${otherNode(source)}`);
    await window.waitForRow(VM, otherNode(source));
    await page.goto('/migrations');
    await page.getByRole('row').filter({ hasText: VM }).first().dblclick();
    for (const phase of PHASES) await see(page.getByText(phase, { exact: true }).first()).toBeVisible();
    await see(page.getByText('Completed', { exact: true }).first()).toBeVisible();
    const seen = await client.end();
    expect(seen).toMatchObject({ broken: null, missing: 0 });
  });

  test('keeps a serial console through a live migration', async () => {
    const source = await lab.ownerOf();
    const terminal = await window.context.newPage();
    await terminal.goto(`/vms/${VM}/console/serial`);
    const screen = terminal.locator('[data-console-state=open]');
    await screen.waitFor();
    await type(terminal, 'echo before-$((6*7))\n', 'before-42');
    await lab.migrate(otherNode(source));
    await type(terminal, 'echo after-$((6*7))\n', 'after-42');
    await terminal.goto(`/vms/${VM}/console/vnc`);
    await screen.waitFor();
    await see(terminal.locator('canvas').first()).toBeVisible();
    await terminal.close();
  });

  test('cancels a live migration half-way; the guest runs on where it was', async () => {
    const { page } = window;
    const source = await lab.ownerOf();
    await lab.askGuest('load start 96 400');
    await page.goto(`/vms/${VM}`);
    await window.act(VM, 'live-migrate', `migrate-${otherNode(source)}`);
    await window.waitForRow(VM, 'Migrating');
    await window.act(VM, 'cancel-migration');
    await window.waitForRow(VM, 'Running');
    await lab.askGuest('load stop');
    expect(await lab.ownerOf()).toBe(source);
    expect(await lab.guestAnswers()).toBe(true);
  });

  test('pauses and resumes, turns off after a question, and starts again', async () => {
    const { page } = window;
    await page.goto(`/vms/${VM}`);
    await window.act(VM, 'pause');
    await window.waitForRow(VM, 'Paused');
    await window.act(VM, 'resume');
    await window.waitForRow(VM, 'Running');
    await window.act(VM, 'turn-off');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Turn off' }).click();
    await window.waitForRow(VM, 'Off');
    await window.act(VM, 'start');
    await window.waitForRow(VM, 'Running');
    await until('the guest answers', () => lab.guestAnswers(), 60_000);
  });

  test('saves a guest with its memory, and starts it where it stood', async () => {
    const { page } = window;
    const boot = await lab.bootOf();
    await page.goto(`/vms/${VM}`);
    await window.act(VM, 'save');
    await window.waitForRow(VM, 'Saved');
    await see(page.getByText('Its memory is saved.').first()).toBeVisible();
    await until('its QEMU has ended', () => lab.qemus() === 0, 20_000);
    await window.act(VM, 'start');
    await window.waitForRow(VM, 'Running');
    expect(await lab.bootOf()).toBe(boot);
    expect((await lab.vm()).saved).toBeNull();
  });

  test('drains a node with a preview first, and brings it back', async () => {
    const { page } = window;
    const node = await lab.ownerOf();
    await page.goto(`/nodes/${node}`);
    await window.act(node, 'drain');
    const dialog = page.getByRole('dialog');
    await see(dialog.getByText(VM).first()).toBeVisible();
    await dialog.getByRole('button', { name: /Drain/ }).click();
    await window.waitForRow(node, 'Paused');
    expect(await lab.ownerOf()).toBe(otherNode(node));
    await window.act(node, 'resume');
    await window.waitForRow(node, 'Up');
  });

  test('draws what a VM depends on', async () => {
    const { page } = window;
    await page.goto(`/vms/${VM}/dependencies`);
    for (const text of [VM, 'disk0', 'nic0', 'node1', 'node2'])
      await see(page.getByText(text, { exact: true }).first()).toBeVisible();
  });

  test('shows the failover of a node that loses its power', async () => {
    const node = await lab.ownerOf();
    lab.askAt(otherNode(node));
    await window.close();
    // Through the node that stays.
    const left = lab.nodeNames.indexOf(otherNode(node));
    window = await ConsoleWindow.open(browser, lab.status, { look: ENGLISH, node: left });
    await window.signIn(lab.status);
    await window.page.goto('/vms');
    await labCrash(lab.status.name, node);
    await window.waitForRow(VM, otherNode(node));
    await window.waitForRow(VM, 'Running');
    await window.page.goto('/events');
    await see(window.page.getByText(new RegExp(`${node}.*(fenced|taken over|silent)`, 'i')).first()).toBeVisible();
    await labBoot(lab.status.name, node);
    await window.page.goto('/nodes');
    await window.waitForRow(node, 'Up');
    await until('the guest answers', () => lab.guestAnswers(), 60_000);
  });

  test('shows two browsers on two nodes the same, and goes on when the agent that serves one is killed', async () => {
    const windows = await Promise.all(
      [0, 1].map(async (node) => {
        const opened = await ConsoleWindow.open(browser, lab.status, { look: ENGLISH, node });
        await opened.signIn(lab.status);
        await opened.page.goto('/vms');
        await opened.waitForRow(VM, 'Running');
        return opened;
      }),
    );
    const [one, other] = windows;
    if (one === undefined || other === undefined) throw new Error('There are two windows.');
    await one.act(VM, 'pause');
    await Promise.all([one, other].map((opened) => opened.waitForRow(VM, 'Paused', 10_000)));
    await other.act(VM, 'resume');
    await Promise.all([one, other].map((opened) => opened.waitForRow(VM, 'Running', 10_000)));
    lab.askAt('node2');
    // Another agent is there within a second, and its page would stay with it.
    const killing = setInterval(() => lab.kill('node1', 'agent'), 200);
    await see(one.page.locator('header').getByText('node2'))
      .toBeVisible({ timeout: 30_000 })
      .finally(() => clearInterval(killing));
    await one.act(VM, 'automatic-start-off');
    await until('the change is there', async () => !(await lab.vm()).automaticStart, 20_000);
    const first = lab.clientOf(0);
    const answers = () =>
      first.call(getHealth).then(
        () => true,
        () => false,
      );
    await until('node1 has an agent again', answers, 30_000);
    await Promise.all([one.close(), other.close()]);
    // The window of the other tests was on that node too, and said that its connection was gone.
    const others = window.complaints.splice(0).filter((complaint) => !complaint.includes('ERR_CONNECTION'));
    expect(others).toEqual([]);
  });

  test.each([
    { language: 'en', theme: 'light' },
    { language: 'de', theme: 'dark' },
  ] as const)('has no serious barrier on any page ($language, $theme)', async (look) => {
    const opened = await ConsoleWindow.open(browser, lab.status, { look });
    const { page } = opened;
    expect(await barriers(opened)).toEqual([]);
    await opened.signIn(lab.status);
    const paths = ['/', '/vms', `/vms/${VM}`, '/new-vm', '/nodes/node1', '/volumes', '/networks', '/migrations'];
    for (const path of [...paths, '/events', `/vms/${VM}/dependencies`]) {
      await page.goto(path);
      await page.locator('h1').first().waitFor();
      // What the page asks for comes in.
      await page.waitForTimeout(1500);
      expect(await barriers(opened), path).toEqual([]);
    }
    expect(opened.complaints).toEqual([]);
    // Signed out here is signed out in the other window of the same browser, and after a reload.
    const second = await opened.context.newPage();
    await second.goto('/vms');
    await second.getByRole('tree').waitFor();
    await page.getByRole('button', { name: /^(Account|Konto) / }).click();
    await page.getByRole('menuitem').click();
    for (const signedOut of [page, second]) await signedOut.locator('input[name=password]').waitFor();
    await page.goto('/vms');
    await page.locator('input[name=password]').waitFor();
    await opened.close();
  });

  test('stays a list that one can work with, with 64 nodes and 8,000 VMs', async () => {
    const opened = await ConsoleWindow.open(browser, lab.status, { look: ENGLISH });
    const { page } = opened;
    const messages = await manyVms(64, 8000);
    // Everything else is the lab's; only what the live channel says is made up.
    await page.routeWebSocket(/\/api\/v1\/live/, (socket) => {
      for (const message of messages) socket.send(message);
    });
    await opened.signIn(lab.status);
    await page.goto('/vms');
    await opened.waitForRow('vm00000', 'Running');
    expect(await page.locator('[role=row]').count()).toBeLessThan(100);
    await opened.row('vm00000').click();
    await page.keyboard.press('End');
    await opened.waitForRow('vm07999', 'Running');
    await page.getByRole('combobox', { name: 'Search VMs and nodes' }).fill('vm04711');
    await page.getByRole('option', { name: 'vm04711' }).click();
    await see(page.getByText('vm04711', { exact: true }).first()).toBeVisible();
    await opened.close();
  });

  test('deletes a VM once its name was typed', async () => {
    const { page } = window;
    await page.goto(`/vms/${VM}`);
    await window.act(VM, 'turn-off');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Turn off' }).click();
    await window.waitForRow(VM, 'Off');
    await window.act(VM, 'delete');
    const dialog = page.getByRole('alertdialog');
    await see(dialog.getByRole('button', { name: 'Delete' })).toBeDisabled();
    await dialog.getByRole('textbox').fill(VM);
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await window.row(VM).waitFor({ state: 'detached' });
    expect(window.complaints).toEqual([]);
  });
});

/** The parts of a snapshot: the lab's own VM and node, many times over. */
async function manyVms(nodes: number, vms: number): Promise<string[]> {
  const vm = await lab.vm();
  const [node] = await lab.nodes();
  const nodeNames = Array.from({ length: nodes }, (_, index) => `host${index + 1}`);
  const all = Array.from({ length: vms }, (_, index) => ({
    ...vm,
    name: `vm${String(index).padStart(5, '0')}`,
    owner: nodeNames[index % nodes] ?? null,
    state: 'running',
  }));
  const size = 500;
  const parts = Math.ceil(vms / size);
  return Array.from({ length: parts }, (_, index) =>
    JSON.stringify({
      ...{ type: 'snapshot', part: index + 1, parts, node: 'node1', fresh: true, cluster: null, loads: [] },
      vms: all.slice(index * size, (index + 1) * size),
      nodes: index === 0 ? nodeNames.map((name) => ({ ...node, name, vms: [] })) : [],
      migrations: [],
    }),
  );
}

async function barriers({ page }: ConsoleWindow): Promise<string[]> {
  // Fluent's own helpers catch the focus at the ends of a toolbar; nobody ever stays on them.
  const { violations } = await new AxeBuilder({ page }).exclude('[data-tabster-dummy]').analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join('; ')}`);
}

/** What is typed counts once the guest has answered: a shell on a serial line may be slow to begin. */
async function type(terminal: Page, text: string, answer: string): Promise<void> {
  await terminal.locator('.xterm-helper-textarea').focus();
  await terminal.keyboard.type(text);
  await see(terminal.locator('.xterm-rows')).toContainText(answer, { timeout: 30_000 });
}

interface Seen {
  readonly missing: number;
  readonly broken: string | null;
}

/** A numbered line every 100 ms from the guest to the client machine, over one TCP connection. */
async function holdConnection(): Promise<{ end(): Promise<Seen> }> {
  const address = await lab.addressOf(VM);
  const program = [join(ROOT, 'node_modules/.bin/node'), join(ROOT, 'scripts/ticker-client.ts'), address];
  const args = ['netns', 'exec', lab.namespace('client'), ...program];
  const client = spawn('ip', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  client.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const closed = new Promise((resolve) => client.on('close', resolve));
  await until('the connection stands', () => text.includes('connected'), 20_000);
  return {
    end: async () => {
      client.stdin.end();
      await closed;
      return JSON.parse(text.trim().split('\n').at(-1) ?? '{}') as Seen;
    },
  };
}
