import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { candidates, describe, discover } from '../src/discovery';
import type { Surroundings } from '../src/discovery';

let folder: string;
let workspace: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nn lint-'));
  workspace = path.join(folder, 'work space');
  fs.mkdirSync(workspace);
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

/** A program at `name` (relative to the test's folder) that runs `script`. */
function program(name: string, script: string): string {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return file;
}

const WORKS = 'echo 1.2.3';
const LACKS_NNLINT = 'echo "ModuleNotFoundError: No module named \'nnlint\'" >&2; exit 1';

function surroundings(changes: Partial<Surroundings> = {}): Surroundings {
  return {
    interpreterSetting: '',
    pathSetting: '',
    selectedInterpreter: undefined,
    folders: [workspace],
    isTrusted: true,
    environment: { PATH: path.join(folder, 'bin') },
    home: folder,
    ...changes,
  };
}

test('everything that could be nnlint, best first', () => {
  const [venv, venv2, command, python] = ['work space/.venv/bin/python', 'work space/venv/bin/python', 'bin/nnlint', 'bin/python3'].map(name =>
    program(name, WORKS),
  );
  const found = candidates(surroundings({ interpreterSetting: '/set/python', pathSetting: '/set/nnlint', selectedInterpreter: '/selected/python' }));
  assert.deepEqual(
    found.map(candidate => candidate.command),
    ['/set/python', '/set/nnlint', '/selected/python', venv, venv2, command, python],
  );
});

test('the first that answers is taken, and those before it say why not', async () => {
  program('work space/.venv/bin/python', LACKS_NNLINT);
  program('bin/nnlint', WORKS);
  const { found, attempts } = await discover(surroundings({ interpreterSetting: '/does/not/exist' }), folder);
  assert.equal(found?.version, '1.2.3');
  assert.deepEqual(attempts.map(describe), [
    'setting nnlint.interpreter: /does/not/exist: no such file',
    `.venv of the workspace: ${workspace}/.venv/bin/python: nnlint is not installed there`,
    `nnlint on PATH: ${folder}/bin/nnlint: nnlint 1.2.3`,
  ]);
});

test('one that does not answer is given up', async () => {
  program('work space/.venv/bin/python', 'exec sleep 60');
  program('bin/nnlint', WORKS);
  const { found, attempts } = await discover(surroundings(), folder, 200);
  assert.equal(attempts[0]?.problem, 'no answer within 0.2 s');
  assert.equal(found?.candidate.origin, 'nnlint on PATH');
});

test('nothing of an untrusted workspace is run', async () => {
  const spy = program('work space/.venv/bin/python', `touch "${folder}/was-run"; ${WORKS}`);
  const { found, attempts } = await discover(surroundings({ isTrusted: false, selectedInterpreter: spy }), folder);
  assert.equal(found, undefined);
  assert.match(attempts[0]?.problem ?? '', /not trusted/);
  assert.ok(!fs.existsSync(path.join(folder, 'was-run')));
  assert.ok((await discover(surroundings({ selectedInterpreter: spy }), folder)).found, 'it is run once the workspace is trusted');
});

test('settings may use variables, the home folder, relative paths and bare names', () => {
  const python = program('bin/python3.11', WORKS);
  const command = (interpreterSetting: string) =>
    candidates(surroundings({ interpreterSetting, environment: { PATH: path.join(folder, 'bin'), VENV: '/some/venv' } }))[0]?.command;
  assert.equal(command('${workspaceFolder}/env/bin/python'), `${workspace}/env/bin/python`);
  assert.equal(command('~/env/bin/python'), `${folder}/env/bin/python`);
  assert.equal(command('${userHome}/env/bin/python'), `${folder}/env/bin/python`);
  assert.equal(command('${env:VENV}/bin/python'), '/some/venv/bin/python');
  assert.equal(command('env/bin/python'), `${workspace}/env/bin/python`);
  assert.equal(command('python3.11'), python);
});

test('folders on PATH that are relative are passed over', () => {
  program('work space/nnlint', WORKS);
  assert.deepEqual(candidates(surroundings({ environment: { PATH: '.::work space' } })), []);
});

test('the working folder is not the workspace, whose modules would come first', async () => {
  program('bin/nnlint', 'basename "$(pwd)" >&2; exit 1');
  const elsewhere = path.join(folder, 'elsewhere');
  fs.mkdirSync(elsewhere);
  const { attempts } = await discover(surroundings(), elsewhere);
  assert.equal(attempts[0]?.problem, 'elsewhere');
});
