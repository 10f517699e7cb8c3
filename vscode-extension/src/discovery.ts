/**
 * Finds a Python that has nnlint, or the `nnlint` command itself. Knows nothing of VS Code.
 *
 * Invariants: nothing is run from inside an untrusted workspace; every probe ends within its limit; the working folder of what is run
 * is never the workspace, because Python imports from it first (a project's own `types.py` or `nnlint/` would stand in the way).
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as path from 'node:path';

/** A way to start nnlint that may or may not work. */
export interface Candidate {
  /** Where it comes from, in the user's words. */
  readonly origin: string;
  readonly kind: 'interpreter' | 'command';
  readonly command: string;
  /** The user named it in a setting: that it does not work is worth telling. */
  readonly isSetting: boolean;
}

/** What became of a candidate: the version that it runs, or why it is of no use. */
export type Attempt = { readonly candidate: Candidate } & (
  | { readonly version: string; readonly problem?: undefined }
  | { readonly problem: string; readonly version?: undefined }
);

export interface Surroundings {
  readonly interpreterSetting: string;
  readonly pathSetting: string;
  /** What the Python extension has selected, where it is there and answers. */
  readonly selectedInterpreter: string | undefined;
  readonly folders: readonly string[];
  readonly isTrusted: boolean;
  readonly environment: NodeJS.ProcessEnv;
  readonly home: string;
}

export interface Discovery {
  readonly found: (Attempt & { version: string }) | undefined;
  readonly attempts: readonly Attempt[];
}

export const PROBE_LIMIT_MS = 5000;

const SERVE: Record<Candidate['kind'], readonly string[]> = { interpreter: ['-m', 'nnlint', 'server'], command: ['server'] };
const PROBE: Record<Candidate['kind'], readonly string[]> = {
  interpreter: ['-c', 'import nnlint; print(nnlint.__version__)'],
  command: ['--version'],
};

export function serverArguments(candidate: Candidate): string[] {
  return [...SERVE[candidate.kind]];
}

/** Tries the candidates in order, each at most `limit` milliseconds, and stops at the first that works. */
export async function discover(surroundings: Surroundings, workingFolder: string, limit = PROBE_LIMIT_MS): Promise<Discovery> {
  const attempts: Attempt[] = [];
  for (const candidate of candidates(surroundings)) {
    const attempt = await tryCandidate(candidate, surroundings, workingFolder, limit);
    attempts.push(attempt);
    if (attempt.version !== undefined) {
      return { found: attempt, attempts };
    }
  }
  return { found: undefined, attempts };
}

/** Every way to start nnlint, best first. Settings are named even where they lead nowhere, so that the log can say so. */
export function candidates(surroundings: Surroundings): Candidate[] {
  const { interpreterSetting, pathSetting, selectedInterpreter, folders } = surroundings;
  const found: Candidate[] = [];
  const add = (origin: string, kind: Candidate['kind'], command: string | undefined, isSetting = false) => {
    if (command && !found.some(other => other.kind === kind && other.command === command)) {
      found.push({ origin, kind, command, isSetting });
    }
  };
  add('setting nnlint.interpreter', 'interpreter', expand(interpreterSetting, surroundings), true);
  add('setting nnlint.path', 'command', expand(pathSetting, surroundings), true);
  add('interpreter selected in the Python extension', 'interpreter', selectedInterpreter);
  for (const folder of folders) {
    for (const name of ['.venv', 'venv']) {
      const python = environmentPython(path.join(folder, name));
      add(`${name} of the workspace`, 'interpreter', existsSync(python) ? python : undefined);
    }
  }
  add('nnlint on PATH', 'command', findOnPath('nnlint', surroundings));
  add('python3 on PATH', 'interpreter', findOnPath('python3', surroundings) ?? findOnPath('python', surroundings));
  return found;
}

/** One line for the log, saying what was tried and what came of it. */
export function describe(attempt: Attempt): string {
  const { origin, command } = attempt.candidate;
  return `${origin}: ${command}: ${attempt.version === undefined ? attempt.problem : `nnlint ${attempt.version}`}`;
}

function environmentPython(folder: string): string {
  return process.platform === 'win32' ? path.join(folder, 'Scripts', 'python.exe') : path.join(folder, 'bin', 'python');
}

/** A setting as an absolute path: variables filled in, `~` opened, relative to the first folder; a bare name is looked up on PATH. */
function expand(setting: string, surroundings: Surroundings): string | undefined {
  const folder = surroundings.folders[0] ?? surroundings.home;
  const text = setting
    .trim()
    .replace(/^~(?=$|[\\/])/, surroundings.home)
    .replaceAll('${workspaceFolder}', folder)
    .replaceAll('${userHome}', surroundings.home)
    .replace(/\$\{env:(\w+)\}/g, (_, name: string) => surroundings.environment[name] ?? '');
  if (text === '') {
    return undefined;
  }
  return /[\\/]/.test(text) ? path.resolve(folder, text) : (findOnPath(text, surroundings) ?? text);
}

function findOnPath(name: string, surroundings: Surroundings): string | undefined {
  const { PATH, Path } = surroundings.environment;
  const file = process.platform === 'win32' ? `${name}.exe` : name;
  return (PATH ?? Path ?? '')
    .split(path.delimiter)
    .filter(folder => path.isAbsolute(folder))
    .map(folder => path.join(folder, file))
    .find(existsSync);
}

function isInside(file: string, folder: string): boolean {
  const relative = path.relative(folder, file);
  return !relative.startsWith('..') && !path.isAbsolute(relative);
}

async function tryCandidate(candidate: Candidate, surroundings: Surroundings, workingFolder: string, limit: number): Promise<Attempt> {
  if (!path.isAbsolute(candidate.command)) {
    return { candidate, problem: 'not found on PATH' };
  }
  if (!surroundings.isTrusted && surroundings.folders.some(folder => isInside(candidate.command, folder))) {
    return { candidate, problem: 'not run: it lies in a workspace that is not trusted' };
  }
  if (!existsSync(candidate.command)) {
    return { candidate, problem: 'no such file' };
  }
  return probe(candidate, workingFolder, limit);
}

/** Asks the candidate for its version. */
function probe(candidate: Candidate, workingFolder: string, limit: number): Promise<Attempt> {
  const options = { cwd: workingFolder, timeout: limit, killSignal: 'SIGKILL', windowsHide: true } as const;
  return new Promise(resolve => {
    execFile(candidate.command, PROBE[candidate.kind], options, (error, stdout, stderr) => {
      const version = /\d+(\.\w+)+\S*/.exec(stdout)?.[0];
      if (!error && version) {
        resolve({ candidate, version });
      } else if (error?.killed) {
        resolve({ candidate, problem: `no answer within ${limit / 1000} s` });
      } else if (/No module named '?nnlint/.test(stderr)) {
        resolve({ candidate, problem: 'nnlint is not installed there' });
      } else {
        resolve({ candidate, problem: lastLine(stderr) || error?.message || 'gave no version' });
      }
    });
  });
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
