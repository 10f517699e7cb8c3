// The deep check on the screen: asked for above the class, watched, cancelled, and read off the code; a recipe's report beside it.
import assert from 'node:assert/strict';
import { areUnderlined, lenses, line, openFile, runCommand, scene, screenshot, step, until } from './page.mjs';

const CONFIRMED = 'self.conv0 =';
const REFUTED = 'self.conv1 =';
const OFFER = '170 parameters · run deep check';
const RUN = 90_000; // milliseconds for Python to import torch and to run a small model on a busy machine

const problems = page => page.locator('.markers-panel .monaco-list-row').filter({ hasText: 'NN501' });
const progress = page => page.locator('.statusbar-item').filter({ hasText: 'Deep check of Endless' });
const isOver = page => until(async () => (await progress(page).count()) === 0);
const report = page => page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame').locator('html');
const backgroundOf = element => element.evaluate(shown => getComputedStyle(shown).backgroundColor);

await scene(
  async (page, goto) => {
    await step('the lens says what is known of the model, and nothing was run', async () => {
      await goto();
      await line(page, 'class Encoder').waitFor({ timeout: 60000 });
      await page.keyboard.press('Control+b'); // room for the code
      await lenses(page, '2.97 k parameters · 2 spurious biases · run deep check').waitFor({ timeout: 30000 });
      await until(() => areUnderlined(page, [CONFIRMED, REFUTED]));
    });
    await step('a click on it runs the model, and it says what came of that', async () => {
      await lenses(page, '2 spurious biases').click();
      await lenses(page, 'Running deep check').waitFor();
      await lenses(page, '2,970 parameters · 1 confirmed · 1 refuted · run again').waitFor({ timeout: RUN });
    });
    await step('what was refuted is no longer underlined', async () => {
      await until(() => areUnderlined(page, [CONFIRMED]));
    });
    await step('the Problems row says what was confirmed, with its numbers', async () => {
      await page.keyboard.press('Control+Shift+M');
      await problems(page).filter({ hasText: /confirmed: .*16 parameters wasted/ }).waitFor();
      assert.equal(await problems(page).count(), 1);
      await page.keyboard.press('Control+j');
    });
    await step('so does the hover', async () => {
      await line(page, CONFIRMED).getByText('Conv2d').first().hover();
      const hover = page.locator('.monaco-hover:not(.hidden)').filter({ hasText: 'Deep check:' }).first();
      await hover.waitFor();
      assert.match(await hover.innerText(), /confirmed: .*16 parameters wasted\s+Built as Encoder\(\)/);
      await screenshot(page, 'deep-check');
      await page.keyboard.press('Escape');
    });
    await step('a run that never ends is shown in the status bar, and cancelled by the lens', async () => {
      await page.keyboard.press('Control+b');
      await page.locator('.explorer-folders-view .monaco-list-row').filter({ hasText: 'endless.py' }).click();
      await lenses(page, OFFER).waitFor();
      await line(page, 'class Endless').click();
      await runCommand(page, 'nnlint: Run deep check on class');
      await progress(page).waitFor();
      await lenses(page, /Running deep check.*cancel/).click();
      await isOver(page);
      await lenses(page, OFFER).waitFor();
    });
    await step('or by the notification behind the status bar', async () => {
      await lenses(page, OFFER).click();
      await progress(page).click();
      await page.locator('.notifications-center').getByText('Cancel', { exact: true }).click();
      await isOver(page);
    });
    await step('or by a command', async () => {
      await lenses(page, OFFER).click();
      await progress(page).waitFor();
      await runCommand(page, 'nnlint: Cancel deep check');
      await isOver(page);
    });
    await step("a recipe's report opens beside the code, and runs no scripts", async () => {
      await page.locator('.explorer-folders-view .monaco-list-row').filter({ hasText: 'models.py' }).click();
      await page.keyboard.press('Control+b');
      await line(page, 'class Encoder').click();
      await runCommand(page, 'nnlint: Run training recipe');
      await page.locator('.tab').filter({ hasText: 'Recipe: Encoder' }).waitFor({ timeout: RUN });
      await report(page).getByText(/overfit/i).first().waitFor();
      assert.equal(await report(page).locator('meta[http-equiv="Content-Security-Policy"]').count(), 1);
    });
    await step("it has the editor's colors, and changes with them", async () => {
      const light = await backgroundOf(report(page).locator('body'));
      await runCommand(page, 'Preferences: Toggle between Light/Dark Themes');
      await until(async () => (await backgroundOf(report(page).locator('body'))) !== light);
      assert.equal(await backgroundOf(report(page).locator('body')), await backgroundOf(page.locator('.monaco-editor-background').first()));
      await screenshot(page, 'recipe');
    });
  },
  { payload: [openFile('models.py')], viewport: { width: 1280, height: 560 } },
);
