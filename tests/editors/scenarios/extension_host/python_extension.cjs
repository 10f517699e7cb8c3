// Stands in for the Python extension: it has "selected" the interpreter that the tests name.
const vscode = require('vscode');

const changed = new vscode.EventEmitter();
let selected;

exports.select = path => {
  selected = path;
  changed.fire({ path });
};

exports.activate = () => ({
  environments: {
    getActiveEnvironmentPath: () => ({ path: selected ?? '' }),
    resolveEnvironment: async ({ path }) => (path ? { executable: { uri: vscode.Uri.file(path) } } : undefined),
    onDidChangeActiveEnvironmentPath: changed.event,
  },
});
