/** The one place where nnlint speaks of itself unasked: its entry in the status bar's language menu. It never pops up. */
import * as vscode from 'vscode';
import type { ServerState } from './server';
import { PYTHON } from './server';

interface Appearance {
  readonly text: string;
  readonly detail: string;
  readonly severity: vscode.LanguageStatusSeverity;
  readonly command?: vscode.Command;
}

const SHOW_LOGS: vscode.Command = { title: 'Show logs', command: 'nnlint.showLogs' };
const RESTART: vscode.Command = { title: 'Restart server', command: 'nnlint.restart' };

export class Status implements vscode.Disposable {
  private readonly item = vscode.languages.createLanguageStatusItem('nnlint', PYTHON);

  constructor() {
    this.item.name = 'nnlint';
  }

  show(state: ServerState): void {
    const { text, detail, severity, command } = appearance(state);
    this.item.text = text;
    this.item.detail = detail;
    this.item.severity = severity;
    this.item.command = command;
    this.item.busy = state.kind === 'starting';
  }

  dispose(): void {
    this.item.dispose();
  }
}

export function appearance(state: ServerState): Appearance {
  const { Information, Warning, Error } = vscode.LanguageStatusSeverity;
  switch (state.kind) {
    case 'off':
      return { text: 'nnlint is off', detail: '', severity: Information };
    case 'starting':
      return { text: 'nnlint', detail: 'starting', severity: Information };
    case 'running': {
      const ignored = state.ignoredSettings.map(attempt => `${attempt.candidate.origin}: ${attempt.problem}`);
      const detail = [`from the ${state.origin}`, ...ignored].join('; ');
      return { text: `nnlint ${state.version}`, detail, severity: ignored.length > 0 ? Warning : Information, command: SHOW_LOGS };
    }
    case 'missing':
      return {
        text: 'nnlint was not found',
        detail: 'install it, or set nnlint.interpreter', // the menu cuts off what is longer
        severity: Error,
        command: SHOW_LOGS,
      };
    case 'failed':
      return { text: 'nnlint does not run', detail: state.message, severity: Error, command: RESTART };
  }
}
