/** Where VS Code comes in: commands, settings and trust, wired to the server. */
import * as vscode from 'vscode';
import { debugInformation } from './debugInformation';
import { guardRuns, sendForClassAtCursor } from './deepCheck';
import { ForwardGraphView } from './forwardGraph';
import { PythonExtension } from './pythonExtension';
import { RecipeReports } from './recipeReports';
import { Server } from './server';
import { Status } from './status';

const SETTINGS_THAT_RESTART = ['nnlint.enable', 'nnlint.interpreter', 'nnlint.path'];

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = vscode.window.createOutputChannel('nnlint', { log: true });
  const pythonExtension = new PythonExtension();
  const status = new Status();
  const reports = new RecipeReports();
  const running = new Server(log, pythonExtension, context.extensionPath, guardRuns(pythonExtension, log), reports);
  const graphs = new ForwardGraphView(running);
  server = running;

  context.subscriptions.push(
    log,
    pythonExtension,
    status,
    reports,
    running,
    graphs,
    running.onDidChangeState(state => status.show(state)),
    pythonExtension.onDidChangeInterpreter(() => running.restart('another interpreter was selected')),
    vscode.workspace.onDidGrantWorkspaceTrust(() => running.restart('the workspace is trusted now')),
    vscode.workspace.onDidChangeConfiguration(event => {
      const changed = SETTINGS_THAT_RESTART.filter(setting => event.affectsConfiguration(setting));
      if (changed.length > 0) {
        void running.restart(`${changed.join(', ')} changed`);
      }
    }),
    vscode.commands.registerCommand('nnlint.restart', () => running.restart('asked for')),
    vscode.commands.registerCommand('nnlint.showLogs', () => log.show()),
    vscode.commands.registerCommand('nnlint.debugInformation', async () => {
      const text = await debugInformation(running, context.extension);
      log.info(text);
      log.show();
      return text;
    }),
    vscode.commands.registerCommand('nnlint.showForwardGraph', () => graphs.showForActiveEditor()),
    vscode.commands.registerCommand('nnlint.runDeepCheck', () => sendForClassAtCursor(running, 'nnlint.deepCheck')),
    vscode.commands.registerCommand('nnlint.runTrainingRecipe', () => sendForClassAtCursor(running, 'nnlint.deepRecipe')),
    vscode.commands.registerCommand('nnlint.cancelDeepChecks', () => running.execute('nnlint.cancelDeepCheck')),
  );
  await running.restart('a Python file was opened');
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}
