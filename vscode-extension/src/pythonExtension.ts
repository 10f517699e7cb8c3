/** The interpreter that the Python extension has selected. The extension is asked where it is installed and never needed. */
import * as vscode from 'vscode';

const EXTENSION_ID = 'ms-python.python';
const ANSWER_LIMIT_MS = 5000;

/** The part of the Python extension's published API that is used here. */
interface PythonApi {
  readonly environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(environment: { readonly path: string }): Promise<{ readonly executable: { readonly uri?: vscode.Uri } } | undefined>;
    readonly onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

export class PythonExtension implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private subscription: vscode.Disposable | undefined;

  /** Fires when the user selects another interpreter. */
  readonly onDidChangeInterpreter = this.changed.event;

  /** The selected interpreter's path; `undefined` where the extension is absent, has none, fails, or does not answer in time. */
  async selectedInterpreter(resource: vscode.Uri | undefined, log: vscode.LogOutputChannel): Promise<string | undefined> {
    const extension = vscode.extensions.getExtension<PythonApi>(EXTENSION_ID);
    if (extension === undefined) {
      return undefined;
    }
    try {
      return await within(ANSWER_LIMIT_MS, this.ask(extension, resource));
    } catch (error) {
      log.warn(`The Python extension did not tell its interpreter: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  dispose(): void {
    this.subscription?.dispose();
    this.changed.dispose();
  }

  private async ask(extension: vscode.Extension<PythonApi>, resource: vscode.Uri | undefined): Promise<string | undefined> {
    const { environments } = await extension.activate();
    this.subscription ??= environments.onDidChangeActiveEnvironmentPath(() => this.changed.fire());
    const environment = await environments.resolveEnvironment(environments.getActiveEnvironmentPath(resource));
    return environment?.executable.uri?.fsPath;
  }
}

function within<T>(limit: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limit / 1000} s`)), limit);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
