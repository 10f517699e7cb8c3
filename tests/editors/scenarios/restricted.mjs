// A folder that is not trusted: the rules run, the folder's own programs do not.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { areUnderlined, inWorkspace, lenses, line, noticesOfNnlint, openFile, runCommand, scene, screenshot, step, until } from './page.mjs';

const wereRun = () => ['setting-was-run', 'venv-was-run'].filter(mark => fs.existsSync(inWorkspace(mark)));

await scene(
  async (page, goto) => {
    await step('the editor opens in Restricted Mode', async () => {
      await goto();
      await line(page, 'class Encoder').waitFor({ timeout: 60000 });
      await page.locator('.statusbar-item[id="status.workspaceTrust"]').waitFor();
    });
    await step('the rules run', async () => {
      await until(() => areUnderlined(page, ['self.conv1 =']), 30000);
      await screenshot(page, 'restricted');
    });
    await step('neither the interpreter of its settings nor its .venv was run', () => {
      assert.deepEqual(wereRun(), []);
    });
    await step('no lens offers to run a model, and the command says why it does not', async () => {
      assert.equal(await lenses(page, /./).count(), 0);
      await line(page, 'class Encoder').click();
      await runCommand(page, 'nnlint: Run deep check on class');
      const notices = await until(async () => (await noticesOfNnlint(page)).join('\n'));
      assert.match(notices, /Trust this workspace first/);
    });
    await step('once it is trusted its programs are run', async () => {
      await runCommand(page, 'Workspaces: Manage Workspace Trust');
      await page.locator('.workspace-trust-editor .monaco-button').filter({ hasText: /^Trust$/ }).first().click();
      await until(() => wereRun().length === 2);
    });
    await step('and the lens is there', async () => {
      await page.keyboard.press('Escape'); // the trust editor lies over the code
      await lenses(page, /run deep check/i).waitFor({ timeout: 30000 });
    });
  },
  { payload: [openFile('encoder.py')] },
);
