// The workbench as a person sees it: a page, what is on it, and steps that are reported one by one.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const { WORKBENCH, WORKSPACE, CHROMIUM, PLAYWRIGHT, RESULTS } = process.env;
const { chromium } = await import(pathToFileURL(PLAYWRIGHT));
const REMOTE = `vscode-remote://${WORKBENCH}`;
const FLAGS = ['no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run', 'disable-background-networking', 'disable-component-update', 'disable-sync'];
const scenario = path.basename(process.argv[1], '.mjs');

export const workspace = WORKSPACE;
export const remote = file => REMOTE + encodeURI(file);
export const inWorkspace = name => path.join(WORKSPACE, name);
export const onDisk = name => fs.readFileSync(inWorkspace(name), 'utf8');

let failures = 0;

/** Runs one step and reports it as a line of TAP; a failed one leaves a screenshot and ends the scenario. */
export async function step(name, body) {
  const start = Date.now();
  try {
    await body();
    console.log(`ok - ${name} (${Date.now() - start} ms)`);
  } catch (error) {
    failures += 1;
    console.log(`not ok - ${name} (${Date.now() - start} ms)\n${error.stack}`);
    throw error;
  }
}

/** Waits until `probe` gives something true, and gives it. */
export async function until(probe, milliseconds = 15000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not so after ${milliseconds} ms: ${probe}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

/** Opens the workspace in a fresh browser, runs `body` with the page, and exits with 0 only if every step held. No request may leave the machine. */
export async function scene(body, { payload = [], viewport = { width: 1280, height: 720 } } = {}) {
  const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS.map(flag => `--${flag}`) });
  const strayed = [];
  let page;
  try {
    page = await browser.newPage({ viewport });
    page.on('request', request => {
      if (!/^(http:\/\/127\.0\.0\.1|data:|blob:)/.test(request.url())) strayed.push(request.url());
    });
    await body(page, () => page.goto(`http://${WORKBENCH}/?${new URLSearchParams({ folder: WORKSPACE, payload: JSON.stringify(payload) })}`));
    await step('no request left this machine', () => {
      if (strayed.length > 0) throw new Error(strayed.join('\n'));
    });
  } catch (error) {
    if (failures === 0) console.log(`not ok - ${error.stack}`);
    failures += 1;
    await page?.screenshot({ path: path.join(RESULTS, `${scenario}-failed.png`) });
  } finally {
    await page?.close();
    await browser.close();
  }
  process.exit(failures > 0 ? 1 : 0);
}

export const screenshot = (page, name, options = {}) => page.screenshot({ path: path.join(RESULTS, `${name}.png`), animations: 'disabled', ...options });

export const openFile = name => ['openFile', remote(inWorkspace(name))];

/** The line of the editor that holds `text` (the editor writes blanks as no-break spaces). */
export function line(page, text) {
  const literal = text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(' ', '[ \\u00a0]');
  return page.locator('.monaco-editor .view-line').filter({ hasText: new RegExp(literal) }).first();
}

export const squiggles = page => page.locator(['info', 'warning', 'hint', 'error'].map(word => `.view-overlays .squiggly-${word}`).join(', '));

/** The code lenses that hold `text`: lines above the code that can be clicked. */
export const lenses = (page, text) => page.locator('.monaco-editor .codelens-decoration a').filter({ hasText: text });

/** The bell of the status bar; with a dot, something popped up. (Under the test driver VS Code shows no toasts.) */
export const bell = page => page.locator('.statusbar-item[id="status.notifications"]');
export const bellDot = page => bell(page).locator('.codicon-bell-dot');

/** What pops up of nnlint; the editor itself, or another extension, may have something to say at any time. */
export async function noticesOfNnlint(page) {
  if ((await bellDot(page).count()) === 0) return [];
  await runCommand(page, 'Notifications: Show Notifications');
  const notices = page.locator('.notifications-center .notification-list-item');
  await notices.first().waitFor({ timeout: 5000 }).catch(() => {}); // it may be gone by now
  const texts = await notices.allInnerTexts();
  await page.keyboard.press('Escape');
  return texts.filter(text => /nnlint/i.test(text));
}

/** Whether exactly the lines that hold these texts are underlined. */
export async function areUnderlined(page, texts) {
  const marks = await Promise.all((await squiggles(page).all()).map(mark => mark.boundingBox()));
  const lines = await Promise.all(texts.map(text => line(page, text).boundingBox()));
  const isOn = (mark, box) => mark && box && mark.y + mark.height / 2 > box.y && mark.y + mark.height / 2 < box.y + box.height;
  return marks.length === texts.length && lines.every(box => marks.some(mark => isOn(mark, box)));
}

export async function runCommand(page, title) {
  await page.keyboard.press('F1');
  const input = page.locator('.quick-input-widget input');
  await input.waitFor();
  await input.fill(`>${title}`);
  await page.locator('.quick-input-list .monaco-list-row').filter({ hasText: title }).first().waitFor();
  await page.keyboard.press('Enter');
}
