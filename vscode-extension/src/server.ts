/** The language server's life: found, started, stopped, started again. One server serves the whole window. */
import * as os from 'node:os';
import * as vscode from 'vscode';
import { LanguageClient, RevealOutputChannelOn, State } from 'vscode-languageclient/node';
import type { DocumentSelector, LanguageClientOptions, Middleware, ServerOptions } from 'vscode-languageclient/node';
import { describe, discover, serverArguments } from './discovery';
import type { Attempt, Candidate, Discovery, Surroundings } from './discovery';
import type { PythonExtension } from './pythonExtension';
import type { RecipeReports } from './recipeReports';

export type ServerState =
  | { readonly kind: 'off' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'running'; readonly version: string; readonly origin: string; readonly ignoredSettings: readonly Attempt[] }
  | { readonly kind: 'missing'; readonly attempts: readonly Attempt[] }
  | { readonly kind: 'failed'; readonly message: string };

/** What every command of the server passes through on its way there. */
export type CommandGuard = NonNullable<Middleware['executeCommand']>;

/** Python where people write it: files, unsaved buffers, cells of notebooks; not the old sides of a diff and the like. */
export const PYTHON: DocumentSelector & vscode.DocumentSelector = ['file', 'untitled', 'vscode-notebook-cell'].map(scheme => ({
  scheme,
  language: 'python',
}));

const RESTARTS_AFTER_CRASHES = 4;

/** Says in the log what the stock client would say in a pop-up; what the user must know is in the status item. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

export class Server implements vscode.Disposable {
  private readonly stateChanged = new vscode.EventEmitter<ServerState>();
  private client: LanguageClient | undefined;
  private currentState: ServerState = { kind: 'off' };
  private lastDiscovery: Discovery | undefined;
  private lastOperation: Promise<void> = Promise.resolve();
  private queuedRestart: Promise<void> | undefined;

  readonly onDidChangeState = this.stateChanged.event;

  constructor(
    private readonly log: vscode.LogOutputChannel,
    private readonly pythonExtension: PythonExtension,
    /** A folder without Python files, from which Python is run. */
    private readonly workingFolder: string,
    private readonly guard: CommandGuard,
    private readonly reports: RecipeReports,
  ) {}

  get state(): ServerState {
    return this.currentState;
  }

  get discovery(): Discovery | undefined {
    return this.lastDiscovery;
  }

  /** Stops what runs, looks for nnlint again and starts it. Requests that come while one waits its turn are that one. */
  restart(reason: string): Promise<void> {
    this.queuedRestart ??= this.enqueue(async () => {
      this.queuedRestart = undefined;
      this.log.info(`Starting the server: ${reason}`);
      await this.stopClient();
      await this.startClient();
    });
    return this.queuedRestart;
  }

  stop(): Promise<void> {
    return this.enqueue(() => this.stopClient());
  }

  /** Runs a command of the server. Fails where no server runs. */
  async execute<T>(command: string, ...args: unknown[]): Promise<T> {
    await this.lastOperation;
    const { client } = this;
    if (client === undefined || this.currentState.kind !== 'running') {
      throw new Error(`the nnlint server is not running (${this.currentState.kind})`);
    }
    return this.guard(command, args, (command, args) => client.sendRequest<T>('workspace/executeCommand', { command, arguments: args }));
  }

  dispose(): void {
    this.stateChanged.dispose();
  }

  private enqueue(operation: () => Promise<void>): Promise<void> {
    this.lastOperation = this.lastOperation.then(operation).catch(error => {
      this.log.error(error instanceof Error ? error : String(error));
      this.enter({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
    });
    return this.lastOperation;
  }

  private async startClient(): Promise<void> {
    const configuration = vscode.workspace.getConfiguration('nnlint', vscode.workspace.workspaceFolders?.[0]);
    if (!configuration.get<boolean>('enable', true)) {
      this.log.info('nnlint.enable is off.');
      this.enter({ kind: 'off' });
      return;
    }
    this.enter({ kind: 'starting' });
    const { found, attempts } = await this.discover(configuration);
    if (found === undefined) {
      this.enter({ kind: 'missing', attempts });
      return;
    }
    const ignoredSettings = attempts.filter(attempt => attempt.candidate.isSetting && attempt.problem !== undefined);
    const running: ServerState = { kind: 'running', version: found.version, origin: found.candidate.origin, ignoredSettings };
    this.client = this.makeClient(found.candidate, running);
    await this.client.start();
  }

  private async stopClient(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.enter({ kind: 'off' });
    if (client !== undefined && client.state !== State.Stopped) {
      await client.dispose().catch(error => this.log.warn(`The server did not stop in order: ${error}`));
    }
  }

  private async discover(configuration: vscode.WorkspaceConfiguration): Promise<Discovery> {
    const folders = (vscode.workspace.workspaceFolders ?? []).filter(folder => folder.uri.scheme === 'file');
    const surroundings: Surroundings = {
      interpreterSetting: configuration.get('interpreter', ''),
      pathSetting: configuration.get('path', ''),
      selectedInterpreter: await this.pythonExtension.selectedInterpreter(folders[0]?.uri, this.log),
      folders: folders.map(folder => folder.uri.fsPath),
      isTrusted: vscode.workspace.isTrusted,
      environment: process.env,
      home: os.homedir(),
    };
    const discovery = await discover(surroundings, this.workingFolder);
    this.lastDiscovery = discovery;
    for (const attempt of discovery.attempts) {
      this.log.info(`  ${describe(attempt)}`);
    }
    return discovery;
  }

  private makeClient(candidate: Candidate, running: ServerState): LanguageClient {
    const program: ServerOptions = { command: candidate.command, args: serverArguments(candidate), options: { cwd: this.workingFolder } };
    const options: LanguageClientOptions = {
      documentSelector: PYTHON,
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationOptions: { trusted: vscode.workspace.isTrusted },
      initializationFailedHandler: () => false,
      middleware: { executeCommand: this.guard },
      errorHandler: {
        error: (...failure) => restarts.error(...failure),
        closed: async () => ({ ...(await restarts.closed()), handled: true }),
      },
    };
    const client = new QuietClient('nnlint', 'nnlint', program, options);
    this.reports.attach(client);
    const restarts = client.createDefaultErrorHandler(RESTARTS_AFTER_CRASHES);
    const states: Partial<Record<State, ServerState>> = {
      [State.Starting]: { kind: 'starting' },
      [State.Running]: running,
      [State.Stopped]: { kind: 'failed', message: 'it stopped unexpectedly; the log says more' },
    };
    client.onDidChangeState(({ newState }) => {
      const state = states[newState];
      if (state !== undefined && client === this.client) {
        this.enter(state);
      }
    });
    return client;
  }

  private enter(state: ServerState): void {
    this.currentState = state;
    this.stateChanged.fire(state);
  }
}
