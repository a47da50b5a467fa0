/** Debian's Chromium on a lab's console: signed in, in one language, with everything it complains about kept. */
import { type Browser, type BrowserContext, chromium, type Page } from '@playwright/test';
import type { LabStatus } from '../../src/lab/lab.ts';

export interface Look {
  readonly language: 'en' | 'de';
  readonly theme: 'light' | 'dark';
  /** CSS pixels; 1280 by 800 by default. */
  readonly size?: { readonly width: number; readonly height: number };
}

/** The browser is installed by bootstrap. As root it runs without a sandbox of its own. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

/** One window of one user. */
export class ConsoleWindow {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of scripts, errors on the browser's console, requests to hosts that are no node of the lab. */
  readonly complaints: string[];

  private constructor(context: BrowserContext, page: Page, complaints: string[]) {
    this.context = context;
    this.page = page;
    this.complaints = complaints;
  }

  /** `node`: index of the node whose page it is. */
  static async open(browser: Browser, lab: LabStatus, { look, node = 0 }: { look: Look; node?: number }) {
    const context = await browser.newContext({
      // The lab's authority is nobody that a browser knows.
      ignoreHTTPSErrors: true,
      viewport: look.size ?? { width: 1280, height: 800 },
      locale: look.language === 'de' ? 'de-DE' : 'en-GB',
      colorScheme: look.theme,
      baseURL: lab.urls[node] ?? lab.url,
      reducedMotion: 'reduce',
    });
    const complaints: string[] = [];
    context.on('page', (page) => watch(page, lab, complaints));
    const page = await context.newPage();
    const window = new ConsoleWindow(context, page, complaints);
    await page.goto('/');
    return window;
  }

  async signIn({ user, password }: { readonly user: string; readonly password: string }): Promise<void> {
    await this.page.locator('input[name=username]').fill(user);
    await this.page.locator('input[name=password]').fill(password);
    await this.page.locator('button[type=submit]').click();
    await this.page.getByRole('tree').waitFor();
  }

  /** Right click on an object of a list, then the action; a second one is chosen in its submenu. */
  async act(name: string, ...actions: readonly string[]): Promise<void> {
    await this.row(name).click({ button: 'right' });
    for (const action of actions) await this.page.locator(`[role=menu] [data-action="${action}"]`).click();
  }

  row(name: string) {
    return this.page.locator(`[role=row][data-key="${name}"]`);
  }

  /** The state of a VM or node as its row says it. */
  async waitForRow(name: string, text: string | RegExp, withinMs = 60_000): Promise<void> {
    await this.row(name).filter({ hasText: text }).waitFor({ timeout: withinMs });
  }

  close(): Promise<void> {
    return this.context.close();
  }
}

function watch(page: Page, lab: LabStatus, complaints: string[]): void {
  const hosts = new Set(lab.urls.map((url) => new URL(url).host));
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const { host, protocol } = new URL(request.url());
    if (protocol !== 'data:' && protocol !== 'blob:' && !hosts.has(host)) complaints.push(`request to ${host}`);
  });
}
