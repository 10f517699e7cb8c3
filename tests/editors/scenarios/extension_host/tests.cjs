// Runs in VS Code's extension host. What is checked here is what other extensions and key bindings can lean on.
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const vscode = require('vscode');
const pythonExtension = require('./python_extension.cjs');

const WORKING = vscode.workspace.getConfiguration('nnlint').get('interpreter');
const BARE = path.join(vscode.workspace.workspaceFolders[0].uri.fsPath, 'bare', 'bin', 'python');

const folder = () => vscode.workspace.workspaceFolders[0].uri;
const diagnosticsOf = uri => vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'nnlint');
const codeOf = ({ code }) => code?.value ?? code;

async function until(probe, milliseconds = 20000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not so after ${milliseconds} ms: ${probe}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

async function open(name) {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder(), name));
  return vscode.window.showTextDocument(document);
}

const actions = (uri, range, kind) => vscode.commands.executeCommand('vscode.executeCodeActionProvider', uri, range, kind, 100);
// VS Code cancels a request, and answers nothing or an error, when another extension registers its own actions meanwhile, as they do right after the start.
const someActions = (uri, range, kind) =>
  until(async () => {
    const found = await actions(uri, range, kind).catch(() => []);
    return found.length > 0 && found;
  });
const wholeRange = document => new vscode.Range(0, 0, document.lineCount, 0);
const set = (key, value) => vscode.workspace.getConfiguration('nnlint').update(key, value, vscode.ConfigurationTarget.Workspace);
const setForMachine = (key, value) => vscode.workspace.getConfiguration('nnlint').update(key, value, vscode.ConfigurationTarget.Global);
const lensesOf = uri => vscode.commands.executeCommand('vscode.executeCodeLensProvider', uri, 10);
const debugInformation = () => vscode.commands.executeCommand('nnlint.debugInformation');

/** The processes of nnlint servers that this extension host has started. */
function serverProcesses() {
  const isServer = pid => {
    try {
      const parent = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')[1];
      return Number(parent) === process.pid && fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('nnlint\0server');
    } catch {
      return false;
    }
  };
  return fs.readdirSync('/proc').filter(name => /^\d+$/.test(name) && isServer(name)).map(Number);
}

const tests = {
  async 'a diagnostic has code, source, a link to its rule and the places that explain it'() {
    const { document } = await open('encoder.py');
    const [diagnostic, ...others] = await until(() => diagnosticsOf(document.uri).length > 0 && diagnosticsOf(document.uri));
    assert.deepEqual(others, []);
    assert.equal(codeOf(diagnostic), 'NN501');
    assert.equal(diagnostic.severity, vscode.DiagnosticSeverity.Information);
    assert.equal(document.getText(diagnostic.range), 'nn.Conv2d(channels, channels, kernel_size=3, padding=1)');
    const lines = diagnostic.relatedInformation.map(({ location }) => document.lineAt(location.range.start).text.trim());
    assert.ok(lines.some(line => line.startsWith('self.norm = ')), `the norm is related: ${lines}`);
    const page = await vscode.workspace.openTextDocument(diagnostic.code.target);
    assert.match(page.getText(), /bias-before-norm/);
  },

  async 'code actions come by kind'() {
    const { document } = await open('encoder.py');
    const [diagnostic] = await until(() => diagnosticsOf(document.uri).length === 1 && diagnosticsOf(document.uri));
    const fixes = await someActions(document.uri, diagnostic.range, 'quickfix');
    assert.ok(fixes.some(({ title }) => title.includes('bias=False')), JSON.stringify(fixes.map(({ title }) => title)));
    assert.ok(fixes.some(({ title }) => /disable/i.test(title)), JSON.stringify(fixes.map(({ title }) => title)));
    const own = await someActions(document.uri, wholeRange(document), 'source.fixAll.nnlint.NN501');
    assert.deepEqual(own.map(({ kind }) => kind.value), ['source.fixAll.nnlint.NN501']);
    assert.deepEqual(await actions(document.uri, wholeRange(document), 'source.fixAll.nnlint'), [], 'the parent kind has no unsafe fix');
  },

  async 'an unsaved buffer is checked'() {
    const content = (await open('encoder.py')).document.getText();
    const document = await vscode.workspace.openTextDocument({ language: 'python', content });
    await until(() => diagnosticsOf(document.uri).length === 1);
  },

  async 'the cells of a notebook are checked as one program'() {
    const { document } = await open('encoder.py');
    const [imports, ...rest] = document.getText().split('\n');
    const cells = ['%matplotlib inline', imports, rest.join('\n')].map(
      text => new vscode.NotebookCellData(vscode.NotebookCellKind.Code, text, 'python'),
    );
    const notebook = await vscode.workspace.openNotebookDocument('jupyter-notebook', new vscode.NotebookData(cells));
    await vscode.window.showNotebookDocument(notebook);
    const [magic, , model] = notebook.getCells().map(cell => cell.document);
    await until(() => diagnosticsOf(model.uri).length > 0);
    const marked = diagnosticsOf(model.uri).map(({ range }) => model.lineAt(range.start).text.trim().slice(0, 12));
    assert.deepEqual(marked, ['self.conv1 =']);
    assert.deepEqual(diagnosticsOf(magic.uri), []);
    const fixes = await someActions(model.uri, diagnosticsOf(model.uri)[0].range, 'quickfix');
    assert.ok(await vscode.workspace.applyEdit(fixes[0].edit));
    assert.match(model.getText(), /bias=False/);
    await until(() => diagnosticsOf(model.uri).length === 0);
  },

  async 'a half-typed line elsewhere neither silences nor moves a finding'() {
    const editor = await open('encoder.py');
    const end = new vscode.Position(editor.document.lineCount, 0);
    await editor.edit(edit => edit.insert(end, '\n\ndef half(typed\n'));
    await until(() => diagnosticsOf(editor.document.uri).some(diagnostic => codeOf(diagnostic) === 'NN000'));
    const biases = diagnosticsOf(editor.document.uri).filter(diagnostic => codeOf(diagnostic) === 'NN501');
    assert.deepEqual(biases.map(({ range }) => editor.document.lineAt(range.start).text.trim().slice(0, 12)), ['self.conv1 =']);
    await vscode.commands.executeCommand('workbench.action.files.revert');
  },

  async 'the graph of forward() opens as text'() {
    const editor = await open('encoder.py');
    const inClass = editor.document.positionAt(editor.document.getText().indexOf('self.norm'));
    editor.selection = new vscode.Selection(inClass, inClass);
    await vscode.commands.executeCommand('nnlint.showForwardGraph');
    const shown = await until(() => vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === 'nnlint-graph'));
    for (const word of ['Encoder', 'Conv2d', 'BatchNorm2d']) assert.ok(shown.getText().includes(word), shown.getText());
  },

  async 'the debug information says where nnlint came from'() {
    const text = await debugInformation();
    assert.match(text, /state: running/);
    assert.match(text, /setting nnlint\.interpreter: .*: nnlint \d/);
    assert.doesNotMatch(text, /no answer/);
  },

  async 'restarting brings the diagnostics back'() {
    const { document } = await open('encoder.py');
    await vscode.commands.executeCommand('nnlint.restart');
    assert.match(await debugInformation(), /state: running/);
    await until(() => diagnosticsOf(document.uri).length === 1);
  },

  async 'an interpreter without nnlint is said to be one, and undoing the setting is enough'() {
    const { document } = await open('encoder.py');
    await set('interpreter', BARE);
    const text = await until(async () => /state: missing/.test(await debugInformation()) && debugInformation());
    assert.match(text, /setting nnlint\.interpreter: .*nnlint is not installed there/);
    await until(() => diagnosticsOf(document.uri).length === 0);
    await set('interpreter', undefined);
    await until(() => diagnosticsOf(document.uri).length === 1);
  },

  async 'the interpreter selected in the Python extension is used, and so is the next one'() {
    const { document } = await open('encoder.py');
    await set('interpreter', '');
    pythonExtension.select(WORKING);
    await until(async () => /interpreter selected in the Python extension: .*: nnlint \d/.test(await debugInformation()));
    await until(() => diagnosticsOf(document.uri).length === 1);
    pythonExtension.select(BARE);
    await until(() => diagnosticsOf(document.uri).length === 0);
    await set('interpreter', undefined);
    await until(() => diagnosticsOf(document.uri).length === 1);
  },

  async 'a deep check runs in the interpreter that is selected, and the one in the settings goes over it'() {
    const { document } = await open('encoder.py');
    const lens = async words => (await lensesOf(document.uri)).find(({ command }) => words.test(command?.title));
    pythonExtension.select(BARE);
    await debugInformation(); // it waits for the restart
    const offer = await until(() => lens(/run deep check$/i));
    const [subject] = offer.command.arguments;
    await vscode.commands.executeCommand(offer.command.command, subject);
    await until(() => lens(/^No answer: .*torch.*/));
    await vscode.commands.executeCommand('notifications.clearAll'); // whoever asks is answered
    await setForMachine('deep.interpreter', WORKING);
    await until(async () => (await debugInformation()).includes(`DeepPreferences(interpreter='${WORKING}'`));
    await vscode.commands.executeCommand('nnlint.deepCheck', subject.uri, subject.className);
    await until(() => lens(/1 confirmed/), 90000);
    const confirmed = diagnosticsOf(document.uri).filter(({ message }) => /confirmed/.test(message));
    assert.equal(confirmed.length, 1);
    await setForMachine('deep.interpreter', undefined);
  },

  async 'the lenses can be switched off'() {
    const { document } = await open('encoder.py');
    await until(async () => (await lensesOf(document.uri)).length === 1);
    await set('deep.codeLens', false);
    await until(async () => (await lensesOf(document.uri)).length === 0);
    await set('deep.codeLens', undefined);
    await until(async () => (await lensesOf(document.uri)).length === 1);
  },

  async 'switching nnlint off takes its diagnostics away'() {
    const { document } = await open('encoder.py');
    await set('enable', false);
    await until(() => diagnosticsOf(document.uri).length === 0);
    assert.match(await debugInformation(), /state: off/);
    await set('enable', undefined);
    await until(() => diagnosticsOf(document.uri).length === 1);
  },

  async 'a server that dies comes back by itself'() {
    const editor = await open('encoder.py');
    const { document } = editor;
    await until(() => diagnosticsOf(document.uri).length === 1);
    const [first, ...others] = serverProcesses();
    assert.deepEqual(others, []);
    process.kill(first, 'SIGKILL');
    await until(() => serverProcesses().length === 1 && serverProcesses()[0] !== first);
    await until(async () => /state: running/.test(await debugInformation()));
    // Its findings are its own: an edit gets an answer from it.
    await editor.edit(edit => edit.insert(new vscode.Position(0, 0), '# back\n'));
    await until(() => diagnosticsOf(document.uri).some(({ range }) => document.getText(range).startsWith('nn.Conv2d')));
    await vscode.commands.executeCommand('workbench.action.files.revert');
  },
};

exports.run = async () => {
  let failed = 0;
  console.log(`VS Code ${vscode.version}, Node ${process.version}`);
  for (const [name, test] of Object.entries(tests)) {
    const start = Date.now();
    try {
      await test();
      console.log(`ok - ${name} (${Date.now() - start} ms)`);
    } catch (error) {
      failed += 1;
      console.log(`not ok - ${name} (${Date.now() - start} ms)\n${error.stack}`);
    }
  }
  if (failed > 0) throw new Error(`${failed} of ${Object.keys(tests).length} tests failed`);
};
