/** What a bug report needs, as text: this window, how nnlint was looked for, and what the server says of itself. */
import * as vscode from 'vscode';
import { describe } from './discovery';
import type { Server } from './server';

export async function debugInformation(server: Server, extension: vscode.Extension<unknown>): Promise<string> {
  const { state, discovery } = server;
  const attempts = discovery?.attempts.map(attempt => `  ${describe(attempt)}`) ?? ['  not looked for'];
  return [
    'nnlint debug information',
    `extension: ${extension.packageJSON.version}`,
    `VS Code: ${vscode.version} (${vscode.env.appName}${vscode.env.remoteName ? `, ${vscode.env.remoteName}` : ''})`,
    `workspace trusted: ${vscode.workspace.isTrusted}`,
    `state: ${state.kind}${state.kind === 'failed' ? `: ${state.message}` : ''}`,
    'looked for nnlint:',
    ...attempts,
    'settings:',
    `  ${JSON.stringify(vscode.workspace.getConfiguration('nnlint'))}`,
    'server:',
    await serverInformation(server),
  ].join('\n');
}

async function serverInformation(server: Server): Promise<string> {
  try {
    const answer = await server.execute<unknown>('nnlint.printDebugInformation', vscode.window.activeTextEditor?.document.uri.toString());
    return typeof answer === 'string' ? answer : JSON.stringify(answer, undefined, 2);
  } catch (error) {
    return `  no answer: ${error instanceof Error ? error.message : String(error)}`;
  }
}
