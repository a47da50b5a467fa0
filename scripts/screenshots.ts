/**
 * `npm run screenshots`: the pictures of the README, taken from a running lab in both languages. Needs the browser of the tests:
 * `node scripts/bootstrap.mjs --browser`.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from '@playwright/test';
import { ConsoleWindow, launchBrowser, type Look } from '../test/browser/console-browser.ts';
import { LabCluster } from '../test/lab/lab-cluster.ts';

const OUTPUT = join(import.meta.dirname, '../docs/screens');
const SIZE = { width: 1440, height: 900 };
const GUESTS = ['WebServer', 'MailServer', 'Database'] as const;
const LOOKS: readonly Look[] = [
  { language: 'en', theme: 'light', size: SIZE },
  { language: 'de', theme: 'dark', size: SIZE },
];

const lab = await LabCluster.up('seaside', 3);
const browser = await launchBrowser();
try {
  mkdirSync(OUTPUT, { recursive: true });
  for (const name of GUESTS) await lab.createAndStart(name);
  const { id } = await lab.migrate(await nodeBeside(await lab.ownerOf()));
  for (const look of LOOKS) await takeAll(browser, look, id);
} finally {
  await browser.close();
  await lab.down();
}

async function nodeBeside(owner: string): Promise<string> {
  return lab.nodeNames.find((node) => node !== owner) ?? owner;
}

async function takeAll(chromium: Browser, look: Look, receipt: string): Promise<void> {
  const window = await ConsoleWindow.open(chromium, lab.status, { look });
  await window.signIn(lab.status);
  const { page } = window;
  const take = (name: string) => page.screenshot({ path: join(OUTPUT, `${name}-${look.language}.png`) });
  await settled(page, '/');
  await take('cluster');
  await settled(page, '/vms/WebServer');
  await window.row('WebServer').click({ button: 'right' });
  await page.locator('[role=menu] [data-action="live-migrate"]').click();
  await page.locator('[data-action="migrate-best"]').waitFor();
  await sleep(1500);
  await take('live-migration');
  await settled(page, `/migrations/${receipt}`);
  await take('receipt');
  await settled(page, '/nodes/node1');
  await take('nodes');
  await settled(page, '/vms/WebServer/dependencies');
  await take('dependencies');
  await window.close();
}

/** What a page asks for comes in after it is there, and charts draw themselves. */
async function settled(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await page.getByRole('heading', { level: 1 }).first().waitFor();
  await sleep(2500);
}
