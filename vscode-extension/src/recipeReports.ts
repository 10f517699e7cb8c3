/** Shows what a training recipe came to: the server's page, in a panel beside the code that runs no scripts and loads nothing. */
import * as vscode from 'vscode';
import type { FeatureState, LanguageClient, StaticFeature } from 'vscode-languageclient/node';

interface RecipeReport {
  readonly uri: string;
  readonly className: string;
  /** A page that needs nothing but itself. */
  readonly html: string;
}

/** Nothing but the styles that the page holds. */
const POLICY = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`;

export class RecipeReports implements StaticFeature, vscode.Disposable {
  /** By class: another run of a recipe takes the place of the one before. */
  private readonly panels = new Map<string, vscode.WebviewPanel>();

  /** Lets the client take reports from its server. */
  attach(client: LanguageClient): void {
    client.registerFeature(this);
    client.onNotification('nnlint/recipeReport', (report: RecipeReport) => this.show(report));
  }

  fillClientCapabilities(capabilities: { experimental?: object }): void {
    capabilities.experimental = { ...capabilities.experimental, nnlintRecipe: true };
  }

  initialize(): void {}

  getState(): FeatureState {
    return { kind: 'static' };
  }

  clear(): void {}

  dispose(): void {
    for (const panel of this.panels.values()) {
      panel.dispose();
    }
  }

  private show({ uri, className, html }: RecipeReport): void {
    const key = `${uri}::${className}`;
    const panel = this.panels.get(key) ?? this.open(key, className);
    panel.webview.html = html.replace('<head>', `<head>${POLICY}`);
    panel.reveal(undefined, true);
  }

  private open(key: string, className: string): vscode.WebviewPanel {
    const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    const panel = vscode.window.createWebviewPanel('nnlint.recipe', `Recipe: ${className}`, place, { localResourceRoots: [] });
    panel.onDidDispose(() => this.panels.delete(key));
    this.panels.set(key, panel);
    return panel;
  }
}
