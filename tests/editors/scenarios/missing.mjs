// The interpreter that is set has no nnlint, and no other is there: the status bar says so, nothing pops up, and installing it is enough.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { areUnderlined, inWorkspace, line, noticesOfNnlint, openFile, runCommand, scene, screenshot, squiggles, step, until } from './page.mjs';

const { WORKING_INTERPRETER } = process.env;

await scene(
  async (page, goto) => {
    const status = page.locator('.statusbar-item[id="status.languageStatus"]');
    const card = page.locator('.hover-language-status').filter({ hasText: 'nnlint' });
    await step('the editor opens', async () => {
      await goto();
      await line(page, 'class Encoder').waitFor({ timeout: 60000 });
    });
    await step('the status bar says that nnlint was not found, and what to do', async () => {
      await status.locator('.codicon-bracket-error').waitFor();
      await status.hover();
      await card.waitFor();
      const text = await card.innerText();
      assert.match(text, /nnlint was not found/);
      assert.match(text, /install it, or set nnlint\.interpreter/);
      await screenshot(page, 'missing');
      await page.keyboard.press('Escape');
    });
    await step('nothing popped up', async () => {
      assert.deepEqual(await noticesOfNnlint(page), []);
      assert.equal(await squiggles(page).count(), 0);
    });
    await step('installing it and restarting the server is enough', async () => {
      fs.writeFileSync(inWorkspace('env/bin/python'), `#!/bin/sh\nexec "${WORKING_INTERPRETER}" "$@"\n`);
      await runCommand(page, 'nnlint: Restart server');
      await until(() => areUnderlined(page, ['self.conv1 =']), 30000);
    });
  },
  { payload: [openFile('encoder.py')] },
);
