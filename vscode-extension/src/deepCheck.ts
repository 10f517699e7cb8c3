/** Deep checks and recipes run the user's model. The server does that; here is decided whether they may, and with which Python. */
import * as vscode from 'vscode';
import type { PythonExtension } from './pythonExtension';
import type { CommandGuard, Server } from './server';

/** The server's commands that run code of the workspace. */
const RUN_CODE = ['nnlint.deepCheck', 'nnlint.deepRecipe'];
const MANAGE_TRUST = 'Manage Workspace Trust';

/** What the commands are told: a class by its name, or the one at a position. */
interface Subject {
  readonly uri: string;
  readonly className?: string;
  readonly position?: { readonly line: number; readonly character: number };
  /** The interpreter that is selected; a setting of the person goes over it. */
  readonly python?: string;
}

/** Refuses to run code of an untrusted workspace, and adds the selected interpreter, whoever asked: a lens, the palette, a key, another extension. */
export function guardRuns(pythonExtension: PythonExtension, log: vscode.LogOutputChannel): CommandGuard {
  return async (command, args, next) => {
    if (!RUN_CODE.includes(command)) {
      return next(command, args);
    }
    if (!vscode.workspace.isTrusted) {
      void refuse();
      return undefined;
    }
    const subject = asSubject(args);
    const python = subject.python ?? (await pythonExtension.selectedInterpreter(vscode.Uri.parse(subject.uri), log));
    return next(command, [{ ...subject, python }]);
  };
}

/** Sends a command of the server about the class at the cursor. */
export async function sendForClassAtCursor(server: Server, command: string): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) {
    void vscode.window.showInformationMessage('Put the cursor into the class of the model that you want to run.');
    return;
  }
  const { line, character } = editor.selection.active;
  const subject: Subject = { uri: editor.document.uri.toString(), position: { line, character } };
  await server.execute(command, subject);
}

/** Both forms in which the server takes its arguments: `{uri, …}`, or an address and a class name. */
function asSubject([first, className]: readonly unknown[]): Subject {
  return typeof first === 'string' ? { uri: first, className: className as string | undefined } : (first as Subject);
}

async function refuse(): Promise<void> {
  const words = 'The deep check runs your model. Trust this workspace first: in Restricted Mode none of its code is run.';
  if ((await vscode.window.showWarningMessage(words, MANAGE_TRUST)) === MANAGE_TRUST) {
    await vscode.commands.executeCommand('workbench.trust.manage');
  }
}
