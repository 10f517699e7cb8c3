// Runs extension_host/tests.cjs inside VS Code's extension host, as VS Code's own test runner would, beside the installed nnlint.
import assert from 'node:assert/strict';
import path from 'node:path';
import { bell, bellDot, remote, scene, step } from './page.mjs';

const carrier = path.join(import.meta.dirname, 'extension_host');
const payload = [
  ['extensionDevelopmentPath', remote(carrier)],
  ['extensionTestsPath', remote(path.join(carrier, 'tests.cjs'))],
  ['skipWelcome', 'true'],
];

await scene(
  async (page, goto) => {
    const ended = new Promise(resolve => page.exposeFunction('codeAutomationExit', resolve));
    await page.exposeFunction('codeAutomationLog', (_type, words) => /^(not )?ok - /.test(words) && console.log(String(words)));
    await goto();
    await step('all tests in the extension host held', async () => {
      const code = await ended;
      if (code !== 0) throw new Error(`exit code ${code}`);
    });
    await step('nothing popped up, whatever happened to the server', async () => {
      await bell(page).waitFor();
      assert.equal(await bellDot(page).count(), 0);
    });
  },
  { payload },
);
