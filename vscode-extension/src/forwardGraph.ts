/** Shows what nnlint knows of a `forward()` as a read-only text document beside the code. */
import * as vscode from 'vscode';
import type { Server } from './server';

const SCHEME = 'nnlint-graph';
const CLASS = /^\s*class\s+([\p{L}_][\p{L}\p{N}_]*)/u;

export class ForwardGraphView implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly texts = new Map<string, string>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);
  readonly onDidChange = this.changed.event;

  constructor(private readonly server: Server) {}

  provideTextDocumentContent(address: vscode.Uri): string | undefined {
    return this.texts.get(address.toString());
  }

  /** Asks the server for the graph of the class at the cursor and opens it beside the code. */
  async showForActiveEditor(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const className = editor && classAt(editor.document, editor.selection.active.line);
    if (editor === undefined || className === undefined) {
      void vscode.window.showInformationMessage('Put the cursor into the class whose forward() you want to see.');
      return;
    }
    const uri = editor.document.uri;
    const text = await this.server.execute<string>('nnlint.showGraph', uri.toString(), className);
    const address = vscode.Uri.from({ scheme: SCHEME, path: `${uri.path}/${className}.forward().txt` });
    this.texts.set(address.toString(), text);
    this.changed.fire(address);
    await vscode.window.showTextDocument(address, { viewColumn: vscode.ViewColumn.Beside, preview: true, preserveFocus: true });
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }
}

/** The name of the class that the line is in: of the nearest `class` statement at or above it. */
function classAt(document: vscode.TextDocument, line: number): string | undefined {
  for (let above = line; above >= 0; above -= 1) {
    const found = CLASS.exec(document.lineAt(above).text);
    if (found) {
      return found[1];
    }
  }
  return undefined;
}
