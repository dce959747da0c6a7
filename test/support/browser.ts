import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { chromium } from '../../deploy/local/fetch/chromium.ts';

const require = createRequire(import.meta.url);
// CommonJS, because it loads some of its parts itself.
const playwright = require('playwright-core') as typeof import('playwright-core');
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function openBrowser(): Promise<Browser> {
  const { executablePath, env } = await chromium();
  return playwright.chromium.launch({
    executablePath,
    env: { ...process.env, ...env } as Record<string, string>,
    args: FLAGS,
  });
}

/** A separate browser window, with the faults seen in it. */
export interface Window {
  readonly page: Page;
  /** Console messages, script errors, and failed or refused requests (except `allowed` statuses). */
  readonly faults: readonly string[];
  close(): Promise<void>;
}

export interface WindowOptions extends BrowserContextOptions {
  /** Statuses that are expected by the test. */
  readonly allowed?: readonly number[];
  /** The first page; default the shop's. */
  readonly path?: string;
}

/** Opens the shop at the gateway's `url`, or another page. */
export async function openWindow(browser: Browser, url: string, options: WindowOptions = {}): Promise<Window> {
  const { allowed = [], path = '/shop/', ...contextOptions } = options;
  const context = await browser.newContext({
    baseURL: url,
    locale: 'en-US',
    viewport: { width: 1200, height: 820 },
    reducedMotion: 'reduce',
    ...contextOptions,
  });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => {
    // Chromium's own message for an answer of 400 or more, which is checked below.
    const isAnswer = message.text().startsWith('Failed to load resource');
    if (!isAnswer && ['error', 'warning'].includes(message.type())) faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('requestfailed', (request) => {
    // Leaving a page aborts its requests.
    const why = request.failure()?.errorText ?? '';
    if (why !== 'net::ERR_ABORTED') faults.push(`${request.method()} ${request.url()}: ${why}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400 && !allowed.includes(response.status())) {
      faults.push(`${response.request().method()} ${response.url()}: ${response.status()}`);
    }
  });
  await page.goto(path);
  return { page, faults, close: () => context.close() };
}

export async function signIn(page: Page, userId: number, { ops = false } = {}): Promise<void> {
  await page.goto('/shop/#/sign-in');
  await page.getByLabel('Demo user').fill(String(userId));
  if (ops) await page.getByLabel(/As an operator/).check();
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByText(`User ${userId}`).first().waitFor();
}

/** Opens `#/points` and the like, without the mouse. */
export async function goTo(page: Page, path: string): Promise<void> {
  await page.goto(`/shop/#${path}`);
  await page.locator('main h1').waitFor();
}

/**
 * `SCREENSHOTS=docs/screenshots npm test -- test/browser` renews the documents' screenshots; without it none is taken.
 */
export async function shoot(page: Page, name: string, { fullPage = false } = {}): Promise<void> {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.evaluate("scrollTo(0, 0), document.getElementById('said')?.replaceChildren()");
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage });
}

interface AxeResult {
  readonly violations: readonly { id: string; impact: string; nodes: readonly { html: string }[] }[];
}

/** Accessibility faults found by axe: rules, and the elements that break them. */
export async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate('axe.run()')) as AxeResult;
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id} ${nodes.map(({ html }) => html.slice(0, 120)).join(' ')}`);
}
