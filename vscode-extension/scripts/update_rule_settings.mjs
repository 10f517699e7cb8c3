// Writes the rules into the settings schema of package.json, from the rule files themselves: `nnlint rule --all` is asked.
// usage: node scripts/update_rule_settings.mjs [--check]     PYTHON names the Python that has nnlint (else python3)
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const PACKAGE = path.join(import.meta.dirname, '..', 'package.json');
const SEVERITIES = ['error', 'warning', 'info', 'hint'];

const rules = JSON.parse(
  execFileSync(process.env.PYTHON ?? 'python3', ['-m', 'nnlint', 'rule', '--all', '--output-format', 'json'], { encoding: 'utf8' }),
);

/** A code, a name, `ALL`, or a prefix of codes such as `NN5`: the first three are offered, the last is let pass. */
const selector = {
  anyOf: [
    {
      enum: ['ALL', ...rules.flatMap(({ code, name }) => [code, name])],
      enumDescriptions: ['Every rule.', ...rules.flatMap(({ code, name, summary }) => [`${name}: ${summary}`, `${code}: ${summary}`])],
    },
    { pattern: '^NN\\d{0,2}$' },
  ],
};

const selectors = markdownDescription => ({ type: 'array', default: [], scope: 'resource', uniqueItems: true, items: selector, markdownDescription });

const severity = {
  type: 'object',
  default: {},
  scope: 'resource',
  additionalProperties: false,
  properties: Object.fromEntries(
    rules.map(({ code, name, severity, summary }) => [code, { enum: SEVERITIES, default: severity, description: `${name}: ${summary}` }]),
  ),
  markdownDescription: 'How loud a rule is: `{"NN501": "warning"}`.',
};

const OVER = "Goes over the project's own `[tool.nnlint]`.";
const generated = {
  'nnlint.select': selectors(`The rules to run, and no others. ${OVER}`),
  'nnlint.extendSelect': selectors('Rules to run besides those that run anyway; this is how one that is off by default is switched on.'),
  'nnlint.ignore': selectors(`Rules not to run. ${OVER}`),
  'nnlint.severity': severity,
  'nnlint.extendSafeFixes': selectors('Rules whose fixes are to be taken as safe, so that `source.fixAll.nnlint` applies them.'),
  'nnlint.extendUnsafeFixes': selectors('Rules whose fixes are to be taken as unsafe, so that `source.fixAll.nnlint` leaves them.'),
};

const before = fs.readFileSync(PACKAGE, 'utf8');
const manifest = JSON.parse(before);
const [written, made] = manifest.contributes.configuration;
made.properties = generated;
const after = `${JSON.stringify(manifest, undefined, 2)}\n`;

if (!process.argv.includes('--check')) {
  fs.writeFileSync(PACKAGE, after);
} else if (before !== after) {
  console.error('package.json does not say what the rule files say: run `npm run rules`');
  process.exit(1);
}
